"""Predictions for Parquet files, whose package a user adds."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.harness import (
    INSTALLABLE,
    PACKAGE,
    BakedProject,
    Combination,
    each,
    run,
    tool,
)
from tests.helpers.pip_settings import index_variables

MODEL_API = [combination for combination in INSTALLABLE if combination.application == "model-api"]

PREDICT = f"""
import datetime, decimal, sys
from pathlib import Path
import pyarrow as pa
from pyarrow import parquet
from {PACKAGE}.model.batch import FileError, predict_file
from {PACKAGE}.model.predictor import load_predictor
from {PACKAGE}.model.schema import SCHEMA

folder, rows = Path(sys.argv[1]), 2500
source, output = folder / "in.parquet", folder / "out.parquet"
instance = {{name: [value] * rows for name, value in SCHEMA.example_json().items()}}
instance["sex"] = [None, "male"] * (rows // 2)
copied = {{
    "id": pa.array(range(rows), pa.int16()),
    "price": pa.array([decimal.Decimal("1.20")] * rows, pa.decimal128(8, 2)),
    "sold": pa.array([datetime.datetime(2026, 1, 2, 3, 4, 5, 6)] * rows, pa.timestamp("us", "UTC")),
    "tags": pa.array([["a", None], None] * (rows // 2), pa.list_(pa.string())),
}}
table = pa.table(instance | copied)
parquet.write_table(table, source)
predictor = load_predictor(SCHEMA)

assert predict_file(SCHEMA, predictor, source, output) == rows
found = parquet.read_table(output)
added = ["prediction", *(f"probability_{{label}}" for label in SCHEMA.labels)]
assert found.column_names == [*table.column_names, *added]
assert found.select(table.column_names).equals(table)
assert set(found["prediction"].to_pylist()) == {{"Adelie"}}

parquet.write_table(table.append_column("id", table["id"]), source)
try:
    predict_file(SCHEMA, predictor, source, output)
except FileError as error:
    assert str(error) == f"{{source}} has several columns named 'id'."
else:
    raise AssertionError("A column was lost.")
assert parquet.read_table(output).equals(found)
assert len(list(folder.glob("*.parquet"))) == 2
"""


@pytest.mark.slow("installs pyarrow")
@each(MODEL_API[:1])
def test_the_columns_of_parquet_files_are_copied_or_refused(
    combination: Combination, install: Callable[[Combination], BakedProject], tmp_path: Path
) -> None:
    venv = install(combination).path.parent / "venv"
    python, packages, data = venv / "bin/python", tmp_path / "packages", tmp_path / "data"
    data.mkdir()
    into = ("--python", python, "--target", packages, "--no-deps")
    run(tool("uv"), "pip", "install", *into, "pyarrow", env=os.environ | index_variables())

    run(python, "-c", PREDICT, data, env={"PYTHONPATH": str(packages), "PATH": ""})
