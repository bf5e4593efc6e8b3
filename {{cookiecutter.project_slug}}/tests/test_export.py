from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from tests.tiny import PRICE, THREE, create_data

from {{ cookiecutter.package_name }}.model.features import Schema

from training.evaluate import Evaluation, hold_out
from training.export import export


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
