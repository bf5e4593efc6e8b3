"""The batch job: price the orders of a CSV file.

Each row becomes a line of JSON, in the same order: `{"order_id":"A-1","net":"90.00"}`.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints, ValidationError
from pydantic_core import to_json

from {{ cookiecutter.package_name }}.exit_status import InputError
from {{ cookiecutter.package_name }}.files import progress, replacing

type Rows = Iterator[tuple[int, dict[str, str]]]
"""The number of each row's last line, and its fields."""


class Order(BaseModel, extra="forbid"):
    """One row of the input."""

    order_id: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1_000_000)]
    unit_price: Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2)]
    discount_percent: Annotated[Decimal, Field(ge=0, le=100, max_digits=5, decimal_places=2)]

    def net(self) -> Decimal:
        """Return the price after the discount, rounded half to even, in currency units."""
        gross = self.quantity * self.unit_price
        net = gross * (100 - self.discount_percent) / 100
        return net.quantize(Decimal("0.01"), ROUND_HALF_EVEN)


def run(
    source: Path, target: Path, *, max_errors: int, select: Callable[[Rows], Rows] = iter
) -> dict[str, object]:
    """Price the rows that `select` yields, write them to `target` and return a summary."""
    orders, total = 0, Decimal()
    with (
        progress() as bar,
        # Invalid UTF-8 becomes surrogates, which Pydantic rejects; the error names the line.
        bar.open(source, "r", encoding="utf-8-sig", errors="surrogateescape", newline="") as lines,
        replacing(target) as path,
        path.open("wb") as output,
    ):
        for order in valid_orders(select(csv_rows(lines)), max_errors):
            net = order.net()
            orders, total = orders + 1, total + net
            output.write(to_json({"order_id": order.order_id, "net": str(net)}) + b"\n")
    return {"orders": orders, "total": str(total)}


def valid_orders(rows: Rows, max_errors: int) -> Iterator[Order]:
    """Yield the orders, and raise an `InputError` at the end or after `max_errors` problems."""
    problems: list[str] = []
    for line, row in rows:
        try:
            yield Order.model_validate(row)
        except ValidationError as error:
            for detail in error.errors():
                field = ".".join(map(str, detail["loc"]))
                problems.append(f"line {line}: {field}: {detail['msg']}")
            if len(problems) >= max_errors:
                break
    if problems:
        raise InputError(*problems[:max_errors])


def csv_rows(lines: Iterable[str]) -> Rows:
    """Check the header of a CSV file, and yield the rows that are not empty."""
    reader = csv.DictReader(lines, restkey="surplus fields", restval="", strict=True)
    try:
        if sorted(reader.fieldnames or ()) != sorted(Order.model_fields):
            raise InputError(f"line 1: the header must be {','.join(Order.model_fields)}")
        for row in reader:
            yield reader.reader.line_num, row
    except csv.Error as error:
        raise InputError(f"line {reader.reader.line_num}: {error}") from error
