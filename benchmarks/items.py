"""Two small routes, to be served by FastAPI as in its tutorial, or by a project of the template.

`uvicorn items:app` is the first, `python items.py serve` the second.
"""

import asyncio

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

router = APIRouter()


class Item(BaseModel):
    """A thing that is sold."""

    name: str
    price: float
    tags: list[str] = []


CHAIR = Item(name="chair", price=49.9, tags=["wood", "four legs"])


@router.get("/items/{number}")
async def read(number: int) -> Item:
    """Answer with a small object, after as many hundredths of a second as the number says."""
    if number:
        await asyncio.sleep(number / 100)
    return CHAIR


@router.post("/items")
async def create(item: Item) -> Item:
    """Answer with what the client sends."""
    return item


app = FastAPI()
app.include_router(router)

if __name__ == "__main__":
    from my_application import cli
    from my_application.api import app as application
    from my_application.api.factory import new_app

    application.create_app = lambda settings: new_app(settings, [router])
    cli.app()
