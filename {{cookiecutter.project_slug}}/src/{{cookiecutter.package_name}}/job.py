"""The batch job: price the orders of a CSV file.

Input, with a header: `order_id,quantity,unit_price,discount_percent`, prices in whole currency
units with at most two decimals. Output, a JSON object a line in the order of the input:
`{"order_id": "A-1", "net": "90.00"}`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from {{ cookiecutter.package_name }}.files import (
    FileError,
    Progress,
    csv_rows,
    explained,
    replacing,
)

CENT = Decimal("0.01")

type Rows = Iterable[tuple[int, dict[str, str]]]
"""The fields of each row, with the number of its line."""


class Order(BaseModel):
    """One row of the input."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    unit_price: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
    discount_percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]

    @property
    def net(self) -> Decimal:
        """The price after the discount, rounded half to even, in currency units."""
        gross = self.quantity * self.unit_price
        return (gross * (100 - self.discount_percent) / 100).quantize(CENT, ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Summary:
    """What a finished job has done."""

    orders: int
    total: Decimal


def run(source: Path, target: Path, *, max_errors: int, on_progress: Progress) -> Summary:
    """Price every order of `source` and write `target`, which appears complete or not at all.

    Args:
        source: the CSV file, in UTF-8.
        target: the JSON Lines file; one that is there already is replaced at the end.
        max_errors: how many wrong rows are collected before the job gives up.
        on_progress: called after every line.

    Raises:
        FileError: `source` cannot be read or has wrong rows, or `target` cannot be written.
    """
    with explained(target), source.open("rb") as lines, replacing(target) as output:
        return price(csv_rows(lines, on_progress), output, max_errors)


def price(rows: Rows, output: BinaryIO, max_errors: int) -> Summary:
    """Price rows, each with the number of its line, and write a line for each of them.

    Raises:
        FileError: rows are wrong; after `max_errors` problems it gives up.
    """
    orders, total, problems = 0, Decimal(0), list[str]()
    for line, row in rows:
        try:
            order = Order.model_validate(row)
        except ValidationError as error:
            problems += [f"line {line}: {problem}" for problem in _explain(error)]
            if len(problems) >= max_errors:
                break
            continue
        orders, total = orders + 1, total + order.net
        output.write(orjson.dumps({"order_id": order.order_id, "net": str(order.net)}))
        output.write(b"\n")
    if problems:
        raise FileError("The input has wrong rows.", problems[:max_errors])
    return Summary(orders, total)


def _explain(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        yield f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
