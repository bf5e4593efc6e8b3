"""Draft a schema from data: `python -m training.draft data/churn.csv --target churned`."""

import argparse
import builtins
import difflib
import keyword
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

from {{ cookiecutter.package_name }}.model.batch import FileError, read_csv
from {{ cookiecutter.package_name }}.model.features import (
    MISSING,
    ONNX_OUTPUTS,
    FeatureModel,
    present_cells,
)
from {{ cookiecutter.package_name }}.model.predictor import PACKAGED_MODEL

from training.columns import Column, describe, describe_target, find_flaw, find_spellings
from training.data import DataError

RESERVED = {*keyword.kwlist, *dir(builtins), *dir(FeatureModel), *ONNX_OUTPUTS, "self"}
MODULE = '''"""The features that the model takes and the target that it predicts."""

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from {package}.model.features import Date, FeatureModel, Schema


class Features(FeatureModel):
    """A row of {file}."""

{features}
{notes}


class Target(BaseModel, allow_inf_nan=False):
    """The target of {file}."""

{target}


# The API's documentation shows this row of the data: change confidential values.
EXAMPLE = Features({example})

SCHEMA = Schema(Features, Target, EXAMPLE)
'''


def draft(path: Path, target: str, *, regression: bool = False) -> str:
    """Return the source of `model/schema.py` for a CSV file.

    Raises:
        DataError: nothing can be learnt from the file.
        FileError: the file is not CSV.
    """
    rows = list(read_csv(path))
    if not rows:
        raise DataError(f"{path} has no rows.")
    names = list(rows[0])
    if target not in names:
        similar = difflib.get_close_matches(target, names, 1) or names[:20]
        raise DataError(f"{path} has no column {target!r}. Is it {', '.join(map(repr, similar))}?")
    without = Counter(cell for row in rows if (cell := row[target].strip()) in MISSING)
    rows = [cells for row in rows if target in (cells := present_cells(row, names))]
    if not rows:
        raise DataError(f"{path} has no values in the column {target!r}.")
    columns = []
    for name in names:
        values = [row[name] for row in rows if name in row]
        columns.append(Column(name, values, optional=len(values) < len(rows)))
    target_column = columns.pop(names.index(target))
    describe_target(target_column, path, regression=regression)
    flaws = {column.name: reason for column in columns if (reason := find_flaw(column))}
    predicted = [it.name for it in columns if re.match("prediction$|probability_", it.name)]
    flaws |= dict.fromkeys(predicted, "a prediction")
    features = [column for column in columns if column.name not in flaws]
    notes = [f"Left out: {name or repr(name)} ({reason})." for name, reason in flaws.items()]
    if not features:
        raise DataError(" ".join([f"{path} has no column to learn from.", *notes]))
    spelled = ", ".join(map(repr, without))
    notes += [f"Rows without {target}: {without.total()} ({spelled})."] if without else []
    if target_column.annotation.startswith("Literal") and target_column.is_all(float):
        notes.append(f"If {target} is a number and not a label, draft with --regression.")
    for column in features:
        describe(column)
    notes += [f"{it.name} has {same}." for it in features if (same := find_spellings(it))]
    set_fields([*features, target_column])
    return render(path, features, target_column, notes, rows)


def set_fields(columns: list[Column]) -> None:
    """Choose distinct names for the fields: identifiers of lower-case ASCII letters."""
    taken = {column.name for column in columns}
    for number, column in enumerate(columns, 1):
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.name).casefold()
        letters = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
        name = re.sub(r"[\W_]+", "_", letters).strip("_")
        name = name if name.isidentifier() else f"column_{name or number}"
        field = f"{name}_" if name in RESERVED else name
        while field != column.name and field in taken:
            field = f"{field.strip('_')}_{number}"
        taken.add(field)
        column.field = field


def render(
    path: Path,
    features: list[Column],
    target: Column,
    notes: list[str],
    rows: list[dict[str, str]],
) -> str:
    """Return the module, formatted by Ruff. The example is the most complete of the first rows."""
    example = max(rows[:200], key=lambda row: sum(each.name in row for each in features))
    values = []
    for column in features:
        value = column.parse(example[column.name]) if column.name in example else None
        values.append(f"{column.field}={repr(value).removeprefix('datetime.')},")
    source = MODULE.format(
        package=FeatureModel.__module__.partition(".")[0],
        notes="".join(f"\n    # {' '.join(note.split())}" for note in notes),
        file=path.name.replace("\\", "/").replace('"', "'"),
        features="\n".join(map(str, features)),
        target=target,
        example="".join(values),
    )
    schema = str(PACKAGED_MODEL.with_name("schema.py"))
    for arguments in (("check", "--fix-only", "--select=F401"), ("format",)):  # Unused imports.
        command = [sys.executable, "-m", "ruff", *arguments, "--stdin-filename", schema, "-"]
        source = subprocess.run(  # noqa: S603 - no shell
            command, input=source, capture_output=True, encoding="utf-8", check=True
        ).stdout
    return source


def main() -> None:
    """Print the draft, or exit with status 1 and a message."""
    parser = argparse.ArgumentParser(prog="python -m training.draft", description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--target", required=True, help="the column to predict")
    parser.add_argument("--regression", action="store_true", help="predict a number")
    arguments = parser.parse_args()
    try:
        source = draft(arguments.data, arguments.target, regression=arguments.regression)
        sys.stdout.buffer.write(source.encode())  # In UTF-8, as Python reads it.
    except (DataError, FileError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
