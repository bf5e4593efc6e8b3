from typing import Any

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.tiny import PRICE, THREE, create_data

from {{ cookiecutter.package_name }}.model.features import Schema

from training.evaluate import Evaluation, hold_out
from training.export import ExportError, export


def columns(encoder: Any, *names: str) -> ColumnTransformer:
    return ColumnTransformer([("step", encoder, [*names])], sparse_threshold=0)


def export_with(schema: Schema, *steps: Any) -> float:
    split = hold_out(schema, create_data(schema))
    model = make_pipeline(*steps).fit(split.train, split.train_target)
    return export(Evaluation(schema, model, split, {}, {}))[1]


def test_other_pipelines_are_exported_exactly() -> None:
    numbers = columns(SimpleImputer(), "size", "count")
    category = columns(OneHotEncoder(handle_unknown="ignore"), "shop")

    assert export_with(PRICE, numbers, RandomForestRegressor(20, random_state=0)) < 1e-5
    assert export_with(THREE, category, LogisticRegression()) < 1e-5


def test_steps_that_onnx_cannot_reproduce_are_refused_with_a_remedy() -> None:
    numbers = columns(SimpleImputer(add_indicator=True), "size", "count")

    with pytest.raises(ExportError) as caught:
        export_with(PRICE, numbers, RandomForestRegressor(20))

    message = str(caught.value)
    assert "step__add_indicator: impute without add_indicator" in message
    assert len(message) <= 300
    assert "\n" not in message
