from pathlib import Path
from typing import Literal

import numpy as np
import onnx
import pytest
from pydantic import BaseModel
from tests.tiny import EXAMPLE, PRICE, SCHEMAS, THREE, TWO, Features, Two, create_predictor, train

from {{ cookiecutter.package_name }}.model.features import FeatureModel, Schema
from {{ cookiecutter.package_name }}.model.predictor import (
    ModelError,
    OnnxPredictor,
    load_predictor,
)

from training.data import to_columns
from training.evaluate import predict


class Other(FeatureModel):
    size: float
    shape: str


class Swapped(BaseModel):
    label: Literal["large", "small"]


@pytest.mark.parametrize("schema", SCHEMAS.values())
def test_the_default_pipeline_is_exported_exactly(schema: Schema) -> None:
    evaluation, content = train(schema)
    table = evaluation.split.test

    found = OnnxPredictor(content, schema).predict_columns(to_columns(table))

    # Values, which may be large, are numbers of 32 bits in ONNX.
    assert np.allclose(found, predict(schema, evaluation.model, table), rtol=1e-5, atol=1e-4)
    name = "accuracy" if schema.labels else "r2"
    assert evaluation.scores[name] > max(0.9, evaluation.baseline[name])


def test_the_labels_are_in_the_order_of_the_schema() -> None:
    output = create_predictor(THREE).predict([Features(size=1), Features(size=99)])

    assert [THREE.labels[index] for index in output.argmax(axis=1)] == ["small", "large"]


def test_the_model_describes_itself() -> None:
    info = create_predictor(PRICE).info

    assert len(info.version) == 12
    assert info.metrics["r2"] > 0.9
    assert list(info.buckets) == sorted(set(info.buckets))


def test_a_file_that_is_missing_or_truncated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no\.onnx cannot be read: No such file"):
        load_predictor(TWO, tmp_path / "no.onnx")
    (tmp_path / "half.onnx").write_bytes(train(TWO)[1][:300])
    with pytest.raises(ModelError, match=r"half\.onnx is not an ONNX model or is truncated"):
        load_predictor(TWO, tmp_path / "half.onnx")


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (Schema(Other, Two, Other(size=1, shape="")), "shape is missing, in the schema tensor"),
        (Schema(Features, Swapped, EXAMPLE), "its labels are"),
        (PRICE, "its labels are"),
    ],
)
def test_a_model_for_another_schema_is_refused(schema: Schema, reason: str) -> None:
    with pytest.raises(ModelError, match=f"does not fit the schema: .*{reason}.*Run: make train"):
        OnnxPredictor(train(TWO)[1], schema)


def test_a_model_from_elsewhere_is_refused() -> None:
    model = onnx.load_model_from_string(train(TWO)[1])
    del model.metadata_props[:]

    with pytest.raises(ModelError, match="was not exported by `make train`"):
        OnnxPredictor(model.SerializeToString(), TWO)


def test_a_model_that_cannot_predict_is_refused() -> None:
    model = onnx.load_model_from_string(train(PRICE)[1])
    for attribute in (each for node in model.graph.node for each in node.attribute):
        if attribute.name == "target_weights":
            attribute.floats[:] = [float("nan")] * len(attribute.floats)

    with pytest.raises(ModelError, match=r"predicts \[nan, nan\], not \(2,\) finite numbers"):
        OnnxPredictor(model.SerializeToString(), PRICE)
