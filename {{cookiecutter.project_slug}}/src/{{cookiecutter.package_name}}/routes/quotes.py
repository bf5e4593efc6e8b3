"""Quotes: the price of an order before it is placed."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

# Amounts are text, because JSON numbers are not exact.
type Money = Annotated[str, Field(pattern=r"^[0-9]{1,10}(\.[0-9]{1,2})?$", examples=["49.90"])]

router = APIRouter(tags=["quotes"])


class Item(BaseModel, extra="forbid"):
    """A quantity of one article."""

    article: str = Field(min_length=1, max_length=64, examples=["chair"])
    quantity: int = Field(ge=1, le=1_000_000, examples=[4])
    unit_price: Money


class QuoteRequest(BaseModel, extra="forbid"):
    """What a customer would like to buy."""

    items: list[Item] = Field(min_length=1, max_length=1000)


class Quote(BaseModel):
    """The price of an order."""

    total: Decimal


@router.post("/quotes")
async def make_quote(order: QuoteRequest) -> Quote:
    """Price an order."""
    prices = (item.quantity * Decimal(item.unit_price) for item in order.items)
    return Quote(total=sum(prices, Decimal("0.00")))
