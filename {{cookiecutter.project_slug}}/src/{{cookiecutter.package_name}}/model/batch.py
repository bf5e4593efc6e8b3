"""Predict for files of any size. Other columns, such as IDs, are copied to the output."""

import csv
import glob
import json
import re
import secrets
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import rich.progress
from pydantic import ValidationError
from rich.console import Console

from {{ cookiecutter.package_name }}.model.features import FeatureModel, RangeError, Schema
from {{ cookiecutter.package_name }}.model.predictor import (
    ModelError,
    Predictor,
    check_output,
)

ROWS = 1000
"""How many rows are in memory at once."""

type Row = dict[str, Any]
type Chunks = Iterator[list[Row]]


class FileError(Exception):
    """A file cannot be read, or a row does not match the schema; the message says where."""


def predict_file(schema: Schema, predictor: Predictor, source: Path, target: Path) -> int:
    """Write the rows of a file with their predictions to `target`, and return their number.

    Both files have the same format. The target appears when it is complete.

    Raises:
        FileError: the file cannot be read, a row does not match the schema, or the model fails.
        OSError: a file cannot be opened or written.
    """
    _check_paths(source, target)
    suffix, count = source.suffix.lower(), 0
    read, write = FORMATS[suffix]
    parse = schema.parse_text if suffix == ".csv" else schema.parse_values

    def predict_chunks() -> Chunks:
        nonlocal count
        for rows in _read_chunks(source, read):
            if not count:
                _warn_of_absent_columns(schema, source, rows)
            predictions = to_cells(schema, predictor.predict(_parse(source, parse, rows, count)))
            yield [_merge(row, each) for row, each in zip(rows, predictions, strict=True)]
            count += len(rows)

    target = target.resolve()  # A link stays a link.
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.????????.partial"):
        leftover.unlink(missing_ok=True)  # Of a killed run, or of a running one, which then fails.
    partial = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        chunks = predict_chunks()
        if (first := next(chunks, None)) is None:
            raise FileError(f"{source} has no rows.")
        write(source, partial, first, chunks)
        if target.exists():
            shutil.copymode(target, partial)
        partial.replace(target)
    except (ModelError, RangeError) as error:
        raise FileError(f"{source}: the model {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def _check_paths(source: Path, target: Path) -> None:
    suffix = source.suffix.lower()
    if suffix not in FORMATS or target.suffix.lower() != suffix:
        suffixes = " or ".join(FORMATS)
        raise FileError(f"{source.name} and {target.name} must have the same suffix, {suffixes}.")
    if target.exists() and target.samefile(source):
        raise FileError("The input and the output are the same file.")
    if not target.parent.is_dir():
        raise FileError(f"There is no directory {target.parent}.")


def _read_chunks(source: Path, read: Callable[[Path], Iterator[Row]]) -> Chunks:
    rows = read(source)
    try:
        while chunk := list(islice(rows, ROWS)):
            yield chunk
    except (ValueError, OverflowError) as error:
        raise FileError(f"{source} is not valid {source.suffix[1:]}: {error}") from error


def to_records(schema: Schema, output: Any) -> list[Row]:
    """Convert the output of a predictor to JSON objects, rounded to its precision."""
    if not schema.labels:
        check_output(schema, output)
        return [{"value": float(f"{value:.7g}")} for value in output.tolist()]
    return [
        {"label": label, "probabilities": dict(zip(schema.labels, probabilities, strict=True))}
        for label, probabilities in _labelled(schema, output)
    ]


def to_cells(schema: Schema, output: Any) -> list[Row]:
    """Convert the output of a predictor to the columns that are added to files."""
    if not schema.labels:
        return [{"prediction": record["value"]} for record in to_records(schema, output)]
    names = ("prediction", *(f"probability_{label}" for label in schema.labels))
    return [
        dict(zip(names, (label, *probabilities), strict=True))
        for label, probabilities in _labelled(schema, output)
    ]


def _labelled(schema: Schema, output: Any) -> Iterator[tuple[str, list[float]]]:
    check_output(schema, output)
    labels = (schema.labels[index] for index in output.argmax(axis=1).tolist())
    return zip(labels, output.astype(float).round(6).tolist(), strict=True)


def _warn_of_absent_columns(schema: Schema, source: Path, rows: list[Row]) -> None:
    """Warn about optional features without a column, whose name may be misspelled."""
    found: set[str] = set().union(*rows)
    if absent := [it.column for it in schema.features if not found & {it.column, it.name}]:
        sys.stderr.write(f"Warning: {source} has no {', '.join(absent)}.\n")


def _merge(row: Row, prediction: Row) -> Row:
    if taken := row.keys() & prediction.keys():
        raise FileError(f"The file already has a column {min(taken)}; rename it.")
    return row | prediction


def _parse(
    source: Path, parse: Callable[[Row], FeatureModel], rows: list[Row], rows_before: int
) -> list[FeatureModel]:
    instances: list[FeatureModel] = []
    try:
        instances.extend(map(parse, rows))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        column = ".".join(map(str, first["loc"])) or "the row"
        number = rows_before + len(instances) + 1
        raise FileError(f"{source}: row {number}: {column}: {first['msg']}") from error
    return instances


def read_csv(path: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file, whose delimiter is detected.

    Raises:
        FileError: it is not CSV, columns have the same name, or a row has more or fewer cells.
    """
    with _open(path) as file:
        try:
            yield from _read_rows(path, file)
        except (UnicodeDecodeError, csv.Error) as error:
            hint = "" if isinstance(error, csv.Error) else " In Excel, save it as 'CSV UTF-8'."
            raise FileError(f"{path} is not valid CSV in UTF-8: {error}.{hint}") from error


def _read_rows(path: Path, file: TextIO) -> Iterator[dict[str, str]]:
    header = file.readline()
    unquoted = re.sub(r'"[^"]*"', "", header)
    delimiter = max(",;\t|", key=unquoted.count)
    reader = csv.reader(chain([header], file), delimiter=delimiter, strict=True)
    names = [name.strip() for name in next(reader, [])]
    _refuse_repeated(path, names)
    for number, row in enumerate(filter(None, reader), 1):
        if len(row) != len(names):
            what = "more" if len(row) > len(names) else "fewer"
            raise FileError(f"{path}: row {number} has {what} cells than there are columns.")
        yield dict(zip(names, row, strict=True))


def _refuse_repeated(path: Path, names: list[str]) -> None:
    if repeated := [name for name, number in Counter(names).items() if number > 1]:
        which = f"named {repeated[0]!r}" if repeated[0] else "without a name"
        raise FileError(f"{path} has several columns {which}.")


def _read_lines(path: Path) -> Iterator[Row]:
    with _open(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise FileError(f"{path}: line {number} is not JSON: {error}") from error
                if not isinstance(row, dict):
                    raise FileError(f"{path}: line {number} is not a JSON object.")
                yield row


def _read_parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import parquet  # noqa: PLC0415 - optional
    except ModuleNotFoundError as error:
        raise FileError("Parquet needs pyarrow. Run: poetry add pyarrow") from error
    with parquet.ParquetFile(path) as file:
        _refuse_repeated(path, file.schema_arrow.names)
        for batch in file.iter_batches(ROWS):
            yield from batch.to_pylist()


def _write_csv(_source: Path, target: Path, first: list[Row], others: Chunks) -> None:
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(first[0])
        for rows in chain([first], others):
            writer.writerows(map(dict.values, rows))


def _write_lines(_source: Path, target: Path, first: list[Row], others: Chunks) -> None:
    with target.open("w", encoding="utf-8", errors="backslashreplace") as file:  # Lone surrogates
        for rows in chain([first], others):
            file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def _write_parquet(source: Path, target: Path, first: list[Row], others: Chunks) -> None:
    from pyarrow import Table, parquet  # noqa: PLC0415 - optional

    schema = parquet.read_schema(source)
    predictions = [{key: row[key] for key in row if key not in schema.names} for row in first]
    for field in Table.from_pylist(predictions).schema:
        schema = schema.append(field)
    with parquet.ParquetWriter(target, schema) as writer:
        for rows in chain([first], others):
            writer.write_table(Table.from_pylist(rows, schema))


def _open(path: Path) -> AbstractContextManager[TextIO]:
    """Open a text file, and show in a terminal how much of it has been read."""
    return rich.progress.open(
        path,
        "r",
        encoding="utf-8-sig",
        newline="",
        description=path.name,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


FORMATS: dict[str, tuple[Any, Any]] = {
    ".csv": (read_csv, _write_csv),
    ".jsonl": (_read_lines, _write_lines),
    ".parquet": (_read_parquet, _write_parquet),
}
