from typing import Literal

import numpy as np
import onnx
import pytest
from pydantic import BaseModel
from tests.tiny import EXAMPLE, PRICE, SCHEMAS, TWO, Features, Two, train

from my_application.model.features import FeatureModel, Schema
from my_application.model.predictor import ModelError, OnnxPredictor, check_output

from training.data import to_columns
from training.evaluate import predict


class Other(FeatureModel):
    size: float
    shape: str


class Swapped(BaseModel):
    label: Literal["large", "small"]


@pytest.mark.parametrize("schema", SCHEMAS.values())
def test_each_kind_of_target_is_exported_exactly(schema: Schema) -> None:
    evaluation, content = train(schema)
    table = evaluation.split.test

    found = OnnxPredictor(content, schema).predict_columns(to_columns(table))

    # ONNX has numbers of 32 bits, and values may be large.
    assert np.allclose(found, predict(schema, evaluation.model, table), rtol=1e-5, atol=1e-4)
    name = "accuracy" if schema.labels else "r2"
    assert evaluation.scores[name] > max(0.9, evaluation.baseline[name])


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

    with pytest.raises(ModelError, match="does not predict finite numbers"):
        OnnxPredictor(model.SerializeToString(), PRICE)


@pytest.mark.parametrize("row", [[0.0, 0.0], [float("nan"), 1.0], [1.1, 0.1], [-0.5, 1.5]])
def test_invalid_probabilities_are_not_returned(row: list[float]) -> None:
    output = np.array([[0.25, 0.75], row], np.float32)

    check_output(TWO, output[:1])
    with pytest.raises(ModelError, match="does not predict probabilities that sum to 1"):
        check_output(TWO, output)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (Schema(Other, Two, Other(size=1, shape="")), "shape is missing, in the schema tensor"),
        (Schema(Features, Swapped, EXAMPLE), "its labels are"),
    ],
)
def test_a_model_for_another_schema_is_refused(schema: Schema, reason: str) -> None:
    with pytest.raises(ModelError, match=f"does not fit the schema: .*{reason}.*Run: make train"):
        OnnxPredictor(train(TWO)[1], schema)
