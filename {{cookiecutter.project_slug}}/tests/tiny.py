"""A tiny schema and its models, so that the tests of the machinery do not need the real ones."""

import random
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from {{ cookiecutter.package_name }}.model.features import Date, FeatureModel, Schema
from {{ cookiecutter.package_name }}.model.predictor import OnnxPredictor

from training.data import Data, to_table
from training.evaluate import Evaluation, evaluate, hold_out
from training.export import export

threadpool_limits(limits=1)  # Threads cost more than they save on few rows.


class Features(FeatureModel):
    """A parcel."""

    size: float = Field(ge=0, le=100, validation_alias="Size (cm)")
    count: int | None = Field(default=None, ge=0)
    color: Literal["red", "green"] | None = None
    shop: str | None = Field(default=None, max_length=20)
    is_new: bool = False
    sold: Date | None = None


class Two(BaseModel):
    """Two labels."""

    label: Literal["small", "large"]


class Three(BaseModel):
    """Three labels, not in alphabetical order."""

    label: Literal["small", "medium", "large"] = Field(validation_alias="class")


class Price(BaseModel):
    """A value."""

    price: float = Field(description="Price (EUR)")


EXAMPLE = Features(size=20.5, count=3, color="red", shop="b", sold=date(2026, 1, 2))
SCHEMAS = {target: Schema(Features, target, EXAMPLE) for target in (Two, Three, Price)}
TWO, THREE, PRICE = SCHEMAS.values()


def create_data(schema: Schema, rows: int = 200) -> Data:
    """Return rows whose size decides the target."""
    choose = random.Random(0)  # noqa: S311 - no secret
    instances: list[BaseModel] = [
        Features(
            size=round(choose.uniform(0, 100), 1),
            count=choose.choice([None, 1, 2, 3]),
            color=choose.choice([None, "red", "green"]),
            shop=choose.choice([None, "a", "b", "c"]),
            is_new=choose.random() < 0.5,
            sold=choose.choice([None, date(2026, 1, 1) + timedelta(choose.randrange(100))]),
        )
        for _ in range(rows)
    ]
    sizes = [vars(instance)["size"] for instance in instances]
    steps = max(len(schema.labels), 1) / 100
    target: Any = [int(size * steps) if schema.labels else size * 2.0 for size in sizes]
    return Data(to_table(schema, instances), np.array(target), skipped=0)


@cache
def train(schema: Schema) -> tuple[Evaluation, bytes]:
    """Train a pipeline that does not depend on the real one."""
    split = hold_out(schema, create_data(schema))
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    columns = make_column_transformer((encoder, ["color", "shop"]), remainder="passthrough")
    kind = HistGradientBoostingClassifier if schema.labels else HistGradientBoostingRegressor
    model = make_pipeline(columns, kind(random_state=0)).fit(split.train, split.train_target)
    evaluation = evaluate(schema, model, split)
    return evaluation, export(evaluation)[0]


def create_predictor(schema: Schema) -> OnnxPredictor:
    """Load the model."""
    return OnnxPredictor(train(schema)[1], schema)


def write_model(schema: Schema, path: Path) -> Path:
    """Write the model to a file."""
    path.write_bytes(train(schema)[1])
    return path
