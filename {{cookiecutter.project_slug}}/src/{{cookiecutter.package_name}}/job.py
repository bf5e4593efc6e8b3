"""The batch job: price the orders of a CSV file.

Input, with a header: `order_id,quantity,unit_price,discount_percent`, prices in whole currency
units with at most two decimals. Output, a JSON object a line in the order of the input:
`{"order_id": "A-1", "net": "90.00"}`.
"""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Annotated, BinaryIO

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

type Progress = Callable[[int, int], object]
"""Called with the bytes that are read and the bytes that there are."""

CENT = Decimal("0.01")


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


@dataclass
class JobError(Exception):
    """The job cannot be done; nothing is written."""

    reason: str
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Give the reason and every problem, a line each."""
        return "\n".join([self.reason, *self.problems])


def run(source: Path, target: Path, *, max_errors: int, on_progress: Progress) -> Summary:
    """Price every order of `source` and write `target`, which appears complete or not at all.

    Args:
        source: the CSV file, in UTF-8.
        target: the JSON Lines file; one that is there already is replaced at the end.
        max_errors: how many wrong rows are collected before the job gives up.
        on_progress: called after every row.

    Raises:
        JobError: `source` cannot be read or has wrong rows, or `target` cannot be written.
    """
    orders, total, problems = 0, Decimal(0), list[str]()
    try:
        with source.open("rb") as lines, _replacing(target) as output:
            for place, row in _rows(lines, on_progress):
                try:
                    order = Order.model_validate(row)
                except ValidationError as error:
                    problems += [f"{place}: {problem}" for problem in _explain(error)]
                    if len(problems) >= max_errors:
                        break
                    continue
                orders, total = orders + 1, total + order.net
                output.write(orjson.dumps({"order_id": order.order_id, "net": str(order.net)}))
                output.write(b"\n")
            if problems:
                raise JobError("The input has wrong rows.", problems[:max_errors])
    except UnicodeDecodeError as error:
        raise JobError(f"The input is not UTF-8: {error}.") from error
    except csv.Error as error:
        raise JobError(f"The input is not CSV: {error}.") from error
    except OSError as error:
        raise JobError(f"{error.filename or target}: {error.strerror}.") from error
    return Summary(orders, total)


def _rows(lines: BinaryIO, on_progress: Progress) -> Iterator[tuple[str, dict[str, object]]]:
    """Give each row of the CSV file with its place, and tell how far the reading is."""
    size, done = os.fstat(lines.fileno()).st_size, 0

    def decoded() -> Iterator[str]:
        nonlocal done
        for number, line in enumerate(lines):
            done += len(line)
            yield line.decode("utf-8-sig" if number == 0 else "utf-8")

    reader = csv.DictReader(decoded(), restkey="more columns than the header", strict=True)
    for row in reader:
        given = {name: value for name, value in row.items() if value is not None}
        yield f"line {reader.line_num}", given
        on_progress(done, size)
    if not reader.fieldnames:
        raise JobError("The input is empty: not even a header.")


def _explain(error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        yield f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"


@contextmanager
def _replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a file beside `target` that takes its place when the block ends without an error."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise JobError(f"{target} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _umask() -> int:
    """The mask that a file made in the ordinary way would get; `mkstemp` makes private ones."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
