"""Predict for every row of a file: CSV, or JSON Lines."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from pydantic_core import from_json

from {{ cookiecutter.package_name }}.files import (
    FileError,
    Progress,
    counted,
    csv_rows,
    explained,
    replacing,
)
from {{ cookiecutter.package_name }}.model import schema
from {{ cookiecutter.package_name }}.model.predictor import Predictor, to_records

ROWS = 2000
"""How many rows are in memory at once."""

type Rows = Iterable[tuple[int, Any]]
"""Instances, each with the number of its line."""


def predict_file(predictor: Predictor, source: Path, target: Path, *, on_progress: Progress) -> int:
    """Predict for every row of `source` and write `target`, which appears complete or not at all.

    Args:
        predictor: the model.
        source: CSV with a header, or JSON Lines (`.jsonl`, `.ndjson`), in UTF-8.
        target: the JSON Lines file of predictions, in the order of the rows; one that is there
            already is replaced at the end.
        on_progress: called after every line.

    Returns:
        How many rows there were.

    Raises:
        FileError: `source` cannot be read or has wrong rows, or `target` cannot be written.
    """
    count = 0
    with explained(target), source.open("rb") as lines, replacing(target) as output:
        rows = iter(_read(source, lines, on_progress))
        while chunk := list(islice(rows, ROWS)):
            numbers, instances = zip(*chunk, strict=True)
            try:
                features = schema.to_array(instances)
            except schema.InstancesError as error:
                raise FileError("The input has wrong rows.", _places(error, numbers)) from error
            for record in to_records(predictor.predict(features)):
                output.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
            count += len(chunk)
    return count


def _read(source: Path, lines: BinaryIO, on_progress: Progress) -> Rows:
    if source.suffix in {".jsonl", ".ndjson"}:
        return _json_rows(lines, on_progress)
    if source.suffix == ".csv":
        return _csv_rows(lines, on_progress)
    raise FileError(f"{source} is neither CSV nor JSON Lines: its name must end so.")


def _csv_rows(lines: BinaryIO, on_progress: Progress) -> Iterator[tuple[int, Any]]:
    for number, row in csv_rows(lines, on_progress):
        yield number, {name: _number(text) for name, text in row.items()}


def _json_rows(lines: BinaryIO, on_progress: Progress) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(counted(lines, on_progress), 1):
        if line.strip():
            try:
                yield number, from_json(line)
            except ValueError as error:
                raise FileError(f"line {number} is not JSON: {error}.") from error


def _number(text: str) -> float | str:
    """The number that a field holds, or the field as it is: the schema says what is wrong."""
    try:
        return text if "_" in text else float(text)  # Python would read 1_0 as 10.
    except ValueError:
        return text


def _places(error: schema.InstancesError, numbers: tuple[int, ...]) -> list[str]:
    return [
        f"line {numbers[int(index)]}: {'.'.join([*map(str, names), ''])[:-1] or 'row'}: {detail}"
        for (index, *names), detail in error.problems
    ]
