"""The caller of the API."""

from fastapi import APIRouter
from pydantic import BaseModel

from my_application.security import Caller

router = APIRouter(tags=["callers"])


class CallerResponse(BaseModel):
    """The client or user that sent a request."""

    name: str


@router.get("/me")
async def get_me(caller: Caller) -> CallerResponse:
    """Return who sent the request."""
    return CallerResponse(name=caller)
