"""Health: does the process turn (`/livez`), and can it serve (`/readyz`)?"""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """A good answer of a health check."""

    status: Literal["ok"] = "ok"


class Readiness:
    """The reasons why the service cannot serve now, by the part that has them."""

    def __init__(self) -> None:
        """Begin as not ready: nothing has started yet."""
        self._reasons = {"service": "It is starting."}

    @property
    def reason(self) -> str | None:
        """All reasons in one line, or None when the service is ready."""
        return " ".join(f"{part}: {why}" for part, why in self._reasons.items()) or None

    def block(self, part: str, reason: str) -> None:
        """Say that `part` cannot serve, and why."""
        self._reasons[part] = reason

    def clear(self, part: str) -> None:
        """Say that `part` can serve."""
        self._reasons.pop(part, None)


@router.get("/livez")
async def livez() -> Health:
    """Answer as long as the process turns."""
    return Health()


@router.get("/readyz", responses={503: {"description": "Not ready; `detail` says why"}})
async def readyz(request: Request) -> Health:
    """Answer 200 when the service can serve, and 503 with the reason when it cannot."""
    readiness: Readiness = request.app.state.readiness
    if readiness.reason:
        raise HTTPException(503, readiness.reason)
    return Health()
