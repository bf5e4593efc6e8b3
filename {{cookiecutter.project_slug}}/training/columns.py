"""Infer the types of the columns of a file."""

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from {{ cookiecutter.package_name }}.model.features import Date

from training.data import DataError

CATEGORIES = 20
"""The most distinct strings of a category, and the most distinct numbers that are labels."""
LABELS = 100
ROWS_PER_CATEGORY = 5
DISTINCT = 0.7
"""The share of distinct numbers that must stay distinct in float32."""
UNIQUE = 0.98
"""The share of distinct values above which whole numbers may be an ID."""
WORDS = 3
"""The number of words that the values of a free text have on average, at least."""
ID = r"(?i:(?<![a-z])(id|key|no|nr|number|index))$|I[dD]$|^(Unnamed: 0)?$"
FLAWS = {
    r"\d+([./-])\d+\1\d+[ T]+\d|\d{8}T\d|\d+:\d\d": "times; convert them to dates or numbers",
    r"(\d\d?[./-]\d\d?[./-]\d{2,4}|\d{4}\D\d\d?\D\d\d?)$": "dates; write them as YYYY-MM-DD",
    r"\W*\d[\d.,' ]*\W*$": "numbers; write them with a decimal point and nothing else",
}
"""Patterns of values that cannot be used as they are."""
MOST = 0.8
"""The share of distinct values that decides what a column contains."""
TOO_LONG = (
    "numbers that the model cannot distinguish, because it has 7 digits; "
    "write dates as YYYY-MM-DD, codes as text, and subtract a constant from others"
)
parse_date = TypeAdapter(Date).validate_python
"""The API takes a date with a time if it is midnight."""


@dataclass
class Column:
    """A column of the data, and its inferred type."""

    name: str
    cells: list[str]
    """The cells that are not missing."""
    optional: bool
    annotation: str = ""
    arguments: tuple[str, ...] = ()
    parse: Callable[[str], Any] = str
    field: str = ""

    def __str__(self) -> str:
        """Return the field of the Pydantic model."""
        arguments = [*(["default=None"] if self.optional else []), *self.arguments]
        if self.field != self.name:
            arguments.append(f"validation_alias={self.name!r}")
        annotation = self.annotation + (" | None" if self.optional else "")
        value = f"Field({', '.join(arguments)})" if arguments != ["default=None"] else "None"
        return f"    {self.field}: {annotation}" + (f" = {value}" if arguments else "")

    def is_all(self, parse: Callable[[str], Any]) -> bool:
        """Return whether each cell can be parsed, as a finite number if it is a number."""
        return all(can_parse(parse, cell) for cell in set(self.cells))


def describe_target(column: Column, path: Path, *, regression: bool) -> None:
    """Choose between classification and regression."""
    is_number = column.is_all(float)
    labels = sorted(set(column.cells), key=float if is_number else str)
    strings = ", ".join([repr(label) for label in labels if not can_parse(float, label)][:3])
    strings += ". If these are numbers, write them with a decimal point and nothing else"
    if len(labels) == 1:
        raise DataError(f"{path}: the column {column.name!r} is always {labels[0]!r}.")
    if regression or (is_number and len(labels) > CATEGORIES):
        if not is_number:
            raise DataError(f"{path}: the column {column.name!r} is not numeric: {strings}.")
        if not stay_distinct([*map(float, labels)]):
            raise DataError(f"{path}: the column {column.name!r} has {TOO_LONG}.")
        # The unit is not in the data.
        column.annotation, column.arguments = "float", (f"description={column.name!r}",)
    elif len(labels) > LABELS:
        reason = f"has {len(labels)} labels, such as {strings}"
        raise DataError(f"{path}: the column {column.name!r} {reason}.")
    else:
        column.annotation = f"Literal[{', '.join(map(repr, labels))}]"
    if same := find_spellings(column):
        raise DataError(f"{path}: the column {column.name!r} has {same}.")


def find_flaw(column: Column) -> str | None:
    """Return why a column cannot be a feature, or None if it can."""
    values = Counter(column.cells)
    if len(values) <= 1 or (column.is_all(float) and len(set(map(float, values))) == 1):
        return f"always {next(iter(values))[:40]!r}" if values else "always missing"
    unique = len(values) / len(column.cells)
    if column.is_all(int) and unique > UNIQUE:
        is_sequence = max(map(int, values)) - min(map(int, values)) + 1 == len(values)
        if is_sequence or re.search(ID, column.name):
            return "an ID"
    is_number = column.is_all(float)
    if is_number or column.is_all(parse_date):
        return TOO_LONG if is_number and not stay_distinct([*map(float, values)]) else None
    others = [value for value in values if not can_parse(float, value)]
    if len(values) - len(others) > MOST * len(values) and not re.search(r"\d", "".join(others)):
        return f"numbers except for {', '.join(map(repr, others[:3]))}; leave these cells empty"
    endings = Counter(re.sub(r".*\d", "", value) for value in values)
    # Few values with the same unit are categories, such as "12 months".
    unit = endings.most_common(1)[0][0] if len(values) > CATEGORIES else ""
    bare = [value.removesuffix(unit) for value in values]
    for pattern, flaw in FLAWS.items():
        if sum(bool(re.match(pattern, value)) for value in bare) > MOST * len(bare):
            return flaw
    words = sum(len(value.split()) for value in values) / len(values)
    is_unique = unique > 1 / 2 and len(values) > CATEGORIES and words < WORDS
    return "different in most rows, like an ID" if is_unique else None


def stay_distinct(numbers: list[float]) -> bool:
    """Return whether most of these numbers stay distinct in float32, which the model takes."""
    with np.errstate(over="ignore"):
        rounded = np.unique(np.array(numbers, np.float32))
    return len(rounded) >= DISTINCT * len(set(numbers)) and bool(np.isfinite(rounded).all())


def find_spellings(column: Column) -> str | None:
    """Return two labels or categories that look the same, and what to do about them."""
    first: dict[object, str] = {}
    for value in sorted(set(column.cells)) if column.annotation.startswith("Literal") else ():
        key: object = float(value) if can_parse(float, value) else "".join(value.casefold().split())
        if first.setdefault(key, value) != value:
            return f"both {first[key]!r} and {value!r}: use one spelling"
    return None


def describe(column: Column) -> None:
    """Find the type of a feature, and the arguments of its `Field`."""
    values = sorted(set(column.cells))
    if {value.lower() for value in values} <= {"true", "false"}:
        column.annotation, column.parse = "bool", lambda cell: cell.lower() == "true"
    elif column.is_all(float) and not any(re.match(r"0\d", value) for value in values):
        column.parse = int if column.is_all(int) else float
        low, high = find_bounds([column.parse(value) for value in values])
        column.annotation = column.parse.__name__
        column.arguments = f"ge={low}", f"le={high}"
    elif column.is_all(parse_date):
        column.annotation, column.parse = "Date", parse_date
    elif len(values) <= CATEGORIES and len(column.cells) >= ROWS_PER_CATEGORY * len(values):
        column.annotation = f"Literal[{', '.join(map(repr, values))}]"
    else:
        column.annotation, column.arguments = "str", (f"max_length={2 * max(map(len, values))}",)


def can_parse(parse: Callable[[str], Any], cell: str) -> bool:
    """Return whether a cell can be parsed, as a finite number if it is a number."""
    try:
        value = parse(cell)
    except ValueError:
        return False
    return not isinstance(value, float) or math.isfinite(value)


def find_bounds(values: list[float]) -> tuple[float, float]:
    """Return rounded bounds that leave some room around the values."""
    low, high = min(values), max(values)
    room = (high - low) / 2
    step = 10.0 ** math.floor(math.log10(room))
    step = max(step, 1) if isinstance(low, int) else step
    first = min(low, float(f"{math.floor((low - room) / step) * step:.12g}"))
    last = max(high, float(f"{math.ceil((high + room) / step) * step:.12g}"))
    if low >= 0:
        first = max(first, 0)
    is_whole = float(first).is_integer() and float(last).is_integer()
    return (int(first), int(last)) if is_whole else (first, last)
