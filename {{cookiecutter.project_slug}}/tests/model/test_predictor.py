import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from {{ cookiecutter.package_name }}.model import schema, training
from {{ cookiecutter.package_name }}.model.predictor import (
    PACKAGED,
    ModelError,
    Predictor,
    to_records,
)

NAMES = schema.NAMES


def converted(trained: training.Trained, names: tuple[str, ...] = NAMES, **changes: Any) -> bytes:
    """A model of the trained kind, but over other features or with other facts."""
    width = len(names)
    pipeline = training.new_pipeline(1.0).fit(
        np.resize(trained.test.features, (len(trained.test.labels), width)), trained.test.labels
    )
    return training.to_onnx_bytes(pipeline, replace(trained.evaluation, **changes), names)


def test_a_prediction_is_one_probability_for_each_label(predictor: Predictor) -> None:
    probabilities = predictor.predict(schema.to_array([schema.EXAMPLE] * 3))

    assert probabilities.shape == (3, 3)
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_the_example_is_a_barolo(predictor: Predictor) -> None:
    [record] = to_records(predictor.predict(schema.to_array([schema.EXAMPLE])))

    assert record["label"] == "barolo"
    assert list(record["probabilities"]) == list(schema.LABELS)
    assert record["probabilities"]["barolo"] > 0.9


def test_the_version_comes_from_the_file(predictor: Predictor) -> None:
    digest = hashlib.sha256(PACKAGED.read_bytes()).hexdigest()

    assert predictor.description.sha256 == digest
    assert predictor.description.version == digest[:12]


def test_nothing_is_reported_to_the_maker_of_onnx_runtime(tmp_path: Path) -> None:
    # Where it reports, it keeps an identifier of the machine in the home folder.
    told = {"CI", "ORT_DISABLE_TELEMETRY"}
    environment = {name: value for name, value in os.environ.items() if name not in told}
    module = "{{ cookiecutter.package_name }}.model.predictor"
    command = [sys.executable, "-c", f"import {module} as it; it.Predictor.load()"]

    subprocess.run(  # noqa: S603 - no input
        command, env=environment | {"HOME": str(tmp_path)}, check=True
    )

    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no ONNX model"),
        (b"\x80\x04.", "is no ONNX model"),
        (PACKAGED.read_bytes()[:500], "is no ONNX model, or not the whole of one"),
        (PACKAGED.read_bytes().replace(b"wine-", b"\xff" * 5), "is a damaged ONNX model"),
        (PACKAGED.read_bytes().replace(b"features", b"\xff" * 8), "is a damaged ONNX model"),
    ],
    ids=["empty", "pickle", "truncated", "metadata", "input"],
)
def test_a_file_that_is_no_model_is_refused_and_nothing_is_printed(
    content: bytes, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("model.onnx").write_bytes(content)

    with pytest.raises(ModelError, match=rf"model\.onnx {reason}"):
        Predictor.load(Path("model.onnx"))

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("path", "reason"), [("no", "No such file"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused(path: str, reason: str) -> None:
    with pytest.raises(ModelError, match=f"cannot be read: {reason}"):
        Predictor.load(Path(path))


@pytest.mark.parametrize(
    ("names", "labels", "reason"),
    [
        (NAMES[:12], schema.LABELS, "its inputs are .*12.* not .*13"),
        (NAMES[::-1], schema.LABELS, r"its features are \['proline'"),
        (NAMES, ("red", "rosé", "white"), r"its labels are \['red'"),
    ],
    ids=["inputs", "features", "labels"],
)
def test_a_model_for_something_else_is_refused(
    trained: training.Trained, names: tuple[str, ...], labels: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(ModelError, match=f"is a model for something else: {reason}"):
        Predictor.parse(converted(trained, names, labels=labels))


def test_a_model_with_other_outputs_is_refused(trained: training.Trained) -> None:
    pipeline = make_pipeline(StandardScaler()).fit(trained.test.features)
    content = training.to_onnx_bytes(pipeline, trained.evaluation)

    with pytest.raises(ModelError, match=r"its outputs are .* without .*probabilities"):
        Predictor.parse(content)


def test_a_model_that_does_not_say_what_it_is_for_is_refused(trained: training.Trained) -> None:
    content = converted(trained).replace(b"\n\x06labels", b"\n\x06lapels")

    with pytest.raises(ModelError, match="does not say which features"):
        Predictor.parse(content)


def test_a_model_that_predicts_no_numbers_is_refused(trained: training.Trained) -> None:
    pipeline = training.new_pipeline(1.0).fit(trained.test.features, trained.test.labels)
    pipeline[-1].intercept_ += np.nan
    content = training.to_onnx_bytes(pipeline, trained.evaluation)

    with pytest.raises(ModelError, match="does not predict"):
        Predictor.parse(content)
