"""Load the training data, and refuse rows that the API would refuse."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from {{ cookiecutter.package_name }}.model.batch import read_csv
from {{ cookiecutter.package_name }}.model.features import RangeError, Schema

MIN_ROWS = 20
MIN_ROWS_PER_LABEL = 5


class DataError(Exception):
    """The data does not fit the schema, or nothing can be learnt from it; the message says why."""


@dataclass(frozen=True)
class Data:
    """The rows of a file that have a target."""

    table: pd.DataFrame
    """One column for each feature, with the values that the model gets in production."""
    target: NDArray[Any]
    """Values, or positions in `Schema.labels`, so that probabilities are in that order."""
    skipped: int
    """The number of rows without a target."""


def load(schema: Schema, path: Path) -> Data:
    """Load a CSV file.

    Raises:
        DataError: the file does not fit the schema; lists columns, rules and numbers of rows.
        FileError: the file is not CSV.
    """
    instances: list[BaseModel] = []
    targets: list[Any] = []
    problems: Counter[str] = Counter()
    examples: dict[str, str] = {}
    skipped = 0
    for number, row in enumerate(read_csv(path), 1):
        try:
            target = schema.parse_target(row)
            if target is None:
                skipped += 1
                continue
            instances.append(schema.parse_text(row))
            targets.append(target)
        except ValidationError as error:
            for each in error.errors(include_url=False):
                rule = f"{'.'.join(map(str, each['loc'])) or 'the row'}: {each['msg']}"
                problems[rule] += 1
                value = "" if each["type"] == "missing" else f": {str(each['input'])[:40]!r}"
                examples.setdefault(rule, f"first in row {number}{value}")
    if problems:
        lines = [f"  {rule} (rows: {n}, {examples[rule]})" for rule, n in problems.most_common(20)]
        raise DataError("\n".join([f"{path} does not fit model/schema.py:", *lines]))
    check_targets(schema, path, targets)
    if schema.labels:
        targets = [schema.labels.index(target) for target in targets]
    try:
        return Data(to_table(schema, instances), np.array(targets), skipped)
    except RangeError as error:
        raise DataError(f"{path}: the model {error}") from error


def check_targets(schema: Schema, path: Path, targets: list[Any]) -> None:
    """Raise a `DataError` if there are too few rows to train on."""
    if (number := len(targets)) < MIN_ROWS:
        raise DataError(f"{path} has {number} rows with a target; at least {MIN_ROWS} are needed.")
    counts = Counter(targets)
    if rare := [label for label in schema.labels if counts[label] < MIN_ROWS_PER_LABEL]:
        raise DataError(
            f"{path} has fewer than {MIN_ROWS_PER_LABEL} rows with the label {', '.join(rare)}. "
            "Remove these rows, and the label in schema.py; or draft numbers with --regression."
        )


def to_table(schema: Schema, instances: Sequence[BaseModel]) -> pd.DataFrame:
    """Convert instances to the table that a pipeline takes."""
    columns = schema.to_columns(instances)
    return pd.DataFrame({name: pd.Series(it[:, 0], dtype=it.dtype) for name, it in columns.items()})


def to_columns(table: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Convert a table to the columns that an ONNX model takes."""
    return {str(name): table[name].to_numpy().reshape(-1, 1) for name in table.columns}
