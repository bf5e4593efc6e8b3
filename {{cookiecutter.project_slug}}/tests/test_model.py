"""Tests of the model that is shipped, with the schema and the data that are there."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from threadpoolctl import threadpool_limits
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import cli
from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.model.batch import read_csv
from {{ cookiecutter.package_name }}.model.predictor import load_predictor
from {{ cookiecutter.package_name }}.model.schema import SCHEMA
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings

from training.data import Data, load
from training.evaluate import evaluate, hold_out
from training.pipeline import DATA, create_pipeline

SAMPLE = Path(__file__).parents[1] / DATA
ROWS = 10_000
TOLERANCE = 0.2
"""How far the scores of a model that is trained on a sample may be from those of the model."""

threadpool_limits(limits=1)  # For so few rows, more threads cost more than they save.


@pytest.fixture(scope="module")
def data() -> Data:
    if not SAMPLE.exists():
        pytest.skip(f"{DATA} is not committed")
    return load(SCHEMA, SAMPLE)


def test_the_example_is_predicted() -> None:
    with TestClient(create_app(Settings())) as client:
        assert client.get("/readyz").status_code == 200
        response = client.post("/predictions", json={"instances": [SCHEMA.example_json()]})

    assert response.status_code == 200


def test_the_example_is_predicted_for_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps(SCHEMA.example_json()), "utf-8")
    options = ["--output", str(output)]

    written = CliRunner().invoke(cli.app, ["predict", str(source), *options])
    refused = CliRunner().invoke(cli.app, ["predict", str(output), *options])

    assert written.stdout.startswith("Wrote 1 rows")
    assert str(refused.exception) == "The input and the output are the same file."


def test_the_model_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ", version " in CliRunner().invoke(cli.app, ["model"]).stdout
    monkeypatch.setenv(f"{PREFIX}MODEL_PATH", "absent.onnx")
    assert "absent.onnx cannot be" in str(CliRunner().invoke(cli.app, ["model"]).exception)


@pytest.mark.usefixtures("data")
def test_the_packaged_model_fits_the_schema_and_the_data() -> None:
    rows = [row for row in read_csv(SAMPLE) if SCHEMA.parse_target(row) is not None][:ROWS]
    assert np.isfinite(load_predictor(SCHEMA).predict([*map(SCHEMA.parse_text, rows)])).all()


def test_training_again_gives_a_similar_model(data: Data) -> None:
    rows = data.table.sample(min(ROWS, len(data.table)), random_state=0).index.sort_values()
    if SCHEMA.labels:  # A rare one needs some rows.
        rows = rows.union(data.table.groupby(data.target).head(5).index)
    split = hold_out(SCHEMA, Data(data.table.loc[rows], data.target[rows], 0))
    model = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
    scores = evaluate(SCHEMA, model, split).scores

    shipped = load_predictor(SCHEMA).info.metrics
    name = "accuracy" if SCHEMA.labels else "r2"
    assert scores[name] == pytest.approx(shipped[name], abs=TOLERANCE)
