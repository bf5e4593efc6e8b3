"""Quotes: the price of an order, before anybody buys it."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

CENT = Decimal("0.01")

type Money = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
type Percent = Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]

router = APIRouter(tags=["quotes"])


class Item(BaseModel):
    """So many pieces of one article."""

    model_config = ConfigDict(extra="forbid")

    article: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    unit_price: Money


class QuoteRequest(BaseModel):
    """What a customer would like to buy, and on which terms."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "items": [{"article": "chair", "quantity": 4, "unit_price": "49.90"}],
                    "discount_percent": "10",
                    "tax_percent": "19",
                }
            ]
        },
    )

    items: Annotated[list[Item], Field(min_length=1, max_length=1000)]
    discount_percent: Percent = Decimal(0)
    tax_percent: Percent = Decimal(0)


class Quote(BaseModel):
    """Amounts in whole currency units with two decimals, rounded half to even."""

    net: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal


@router.post("/quotes")
async def make_quote(order: QuoteRequest) -> Quote:
    """Price an order: the discount comes off the net amount, the tax is on what is left."""
    net = sum((item.quantity * item.unit_price for item in order.items), Decimal(0))
    discount = _share(net, order.discount_percent)
    tax = _share(net - discount, order.tax_percent)
    return Quote(
        net=net.quantize(CENT),
        discount=discount,
        tax=tax,
        total=(net - discount + tax).quantize(CENT),
    )


def _share(amount: Decimal, percent: Decimal) -> Decimal:
    return (amount * percent / 100).quantize(CENT, ROUND_HALF_EVEN)
