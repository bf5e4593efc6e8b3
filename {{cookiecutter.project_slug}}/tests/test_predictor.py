from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel
from tests.tiny import EXAMPLE, PRICE, TWO, Features, Two, create_predictor, train

from {{ cookiecutter.package_name }}.model.features import FeatureModel, Schema
from {{ cookiecutter.package_name }}.model.predictor import (
    ModelError,
    OnnxPredictor,
    load_predictor,
)


class Other(FeatureModel):
    size: float
    shape: str


class Swapped(BaseModel):
    label: Literal["large", "small"]


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
    ],
)
def test_a_model_for_another_schema_is_refused(schema: Schema, reason: str) -> None:
    with pytest.raises(ModelError, match=f"does not fit the schema: .*{reason}.*Run: make train"):
        OnnxPredictor(train(TWO)[1], schema)
