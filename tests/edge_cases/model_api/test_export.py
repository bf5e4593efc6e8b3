from datetime import date
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pydantic import Field
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    TargetEncoder,
)
from sklearn.svm import LinearSVC
from tests.tiny import PRICE, THREE, TWO, Three, create_data

from my_application.model.features import Date, FeatureModel, Schema

from training.converters import round_down
from training.data import Data, DataError
from training.evaluate import Evaluation, evaluate, hold_out
from training.export import ExportError, bounds, export

NUMBERS = ["size", "count"]


class Doubling(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """A step that only its project knows."""

    def fit(self, _table: Any, _target: Any = None) -> Self:
        return self

    def transform(self, table: Any) -> Any:
        return table * 2


def columns(encoder: Any, names: list[str] | str = NUMBERS) -> ColumnTransformer:
    return ColumnTransformer([("step", encoder, names)], sparse_threshold=0)


def export_with(schema: Schema, *steps: Any) -> float:
    split = hold_out(schema, create_data(schema))
    model = steps[0] if len(steps) == 1 else make_pipeline(*steps)
    model.fit(split.train, split.train_target)
    return export(Evaluation(schema, model, split, {}, {}))[1]


@pytest.mark.parametrize(
    ("schema", "steps", "remedy"),
    [
        pytest.param(schema, steps, remedy, id=name)
        for name, schema, steps, remedy in [
            (
                "indicator",
                PRICE,
                (columns(SimpleImputer(add_indicator=True)), RandomForestRegressor(20)),
                "step__add_indicator: impute without add_indicator",
            ),
            (
                "function",
                PRICE,
                (columns(FunctionTransformer(np.abs)), HistGradientBoostingRegressor()),
                "step: compute it in the data",
            ),
            (
                "transformed target",
                PRICE,
                (
                    TransformedTargetRegressor(
                        make_pipeline(columns("passthrough"), HistGradientBoostingRegressor()),
                        func=np.log1p,
                        inverse_func=np.expm1,
                    ),
                ),
                "train on the logarithm",
            ),
            (
                "spline",
                PRICE,
                (columns(SplineTransformer(), ["size"]), LinearRegression()),
                "step: KBinsDiscretizer",
            ),
            (
                "target encoder",
                THREE,
                (columns(TargetEncoder(), ["shop"]), HistGradientBoostingClassifier()),
                "OneHotEncoder, or for a regression target_type='continuous'",
            ),
            (
                "categories",
                PRICE,
                (
                    columns(
                        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                        ["shop", "color"],
                    ),
                    HistGradientBoostingRegressor(categorical_features=[0, 1]),
                ),
                "categorical_features: one-hot encode",
            ),
            (
                "poisson",
                PRICE,
                (columns("passthrough"), HistGradientBoostingRegressor(loss="poisson")),
                "loss: loss='squared_error'",
            ),
            (
                "forest with missing numbers",
                PRICE,
                (columns("passthrough"), RandomForestRegressor(20, random_state=0)),
                "impute, and do not scale",
            ),
            (
                "infrequent",
                TWO,
                (
                    columns(
                        OneHotEncoder(min_frequency=0.3, handle_unknown="infrequent_if_exist"),
                        ["shop", "color"],
                    ),
                    LogisticRegression(),
                ),
                "handle_unknown='ignore'",
            ),
            (
                "max categories",
                TWO,
                (
                    columns(OneHotEncoder(max_categories=2, handle_unknown="ignore"), ["shop"]),
                    LogisticRegression(),
                ),
                "max_categories: categories=[the most frequent]",
            ),
            (
                "unknown category",
                TWO,
                (columns(OneHotEncoder(), ["shop"]), LogisticRegression()),
                "handle_unknown='ignore'",
            ),
            (
                "nearest neighbors",
                PRICE,
                (columns(SimpleImputer()), KNeighborsRegressor(weights="distance")),
                "weights: weights='uniform'",
            ),
            (
                "unknown step",
                PRICE,
                (columns("passthrough"), Doubling(), HistGradientBoostingRegressor()),
                "See 'Serve something other than ONNX' in docs/model.md.",
            ),
            (
                "locale",
                TWO,
                (columns(TfidfVectorizer(), "color"), LogisticRegression()),
                "lowercase=False, token_pattern=WORD",
            ),
        ]
    ],
)
def test_what_onnx_cannot_reproduce_is_refused(
    schema: Schema, steps: tuple[Any, ...], remedy: str
) -> None:
    with pytest.raises(ExportError) as caught:
        export_with(schema, *steps)

    message = str(caught.value)
    assert remedy in message
    assert len(message) <= 300
    assert "\n" not in message


def test_numbers_outside_the_data_that_the_api_accepts_are_compared() -> None:
    class Wide(FeatureModel):
        size: float = Field(ge=0, le=200)

    schema = Schema(Wide, Three, Wide(size=1))
    sizes = np.random.default_rng(0).random(300).astype(np.float32)
    split = hold_out(schema, Data(pd.DataFrame({"size": sizes}), np.arange(300) % 3, 0))
    model = OneVsRestClassifier(LogisticRegression()).fit(split.train, split.train_target)
    for estimator in model.estimators_:  # Far from the data, no label is likely.
        estimator.coef_[:] = -1

    with pytest.raises(ExportError, match=r"differ by .* rows with numbers within their bounds"):
        export(Evaluation(schema, model, split, {}, {}))


def test_values_that_float32_cannot_distinguish_are_refused() -> None:
    data = create_data(PRICE)
    split = hold_out(PRICE, Data(data.table, data.target + 1e8, 0))
    model = make_pipeline(columns("passthrough", ["size"]), HistGradientBoostingRegressor())
    model.fit(split.train, split.train_target)

    with pytest.raises(ExportError, match=r"differ by up to .* 50 held-out rows"):
        export(Evaluation(PRICE, model, split, {}, {}))


def test_only_bounds_of_numbers_are_compared() -> None:
    class Bounded(FeatureModel):
        size: float = Field(ge=0, le=200)
        since: Date = Field(ge=date(2000, 1, 1), le=date(2030, 1, 1))

    example = Bounded(size=1, since=date(2020, 1, 1))

    assert bounds(Schema(Bounded, Three, example)) == {"size": (0, 200)}


def test_a_classifier_without_probabilities_is_refused() -> None:
    split = hold_out(TWO, create_data(TWO))
    model = make_pipeline(columns(SimpleImputer()), LinearSVC())
    model.fit(split.train, split.train_target)

    with pytest.raises(DataError, match=r"has no predict_proba\. Try CalibratedClassifierCV"):
        evaluate(TWO, model, split)


def test_a_threshold_that_the_api_would_ignore_is_refused() -> None:
    tree = HistGradientBoostingClassifier(max_iter=5)

    with pytest.raises(ExportError, match=r"predicts another one. Fix for .*: compare the prob"):
        export_with(TWO, columns("passthrough"), FixedThresholdClassifier(tree, threshold=0.9))


def test_a_feature_without_values_is_refused() -> None:
    data = create_data(TWO)
    table = data.table.assign(count=np.float32("nan"), shop="")

    with pytest.raises(DataError, match="have no value of count, shop"):
        hold_out(TWO, type(data)(table, data.target, 0))


@pytest.mark.parametrize("schema", [TWO, THREE, PRICE])
def test_thresholds_between_neighboring_numbers_are_exact(schema: Schema) -> None:
    data, choose = create_data(schema, 4000), np.random.default_rng(0)
    steps = choose.integers(0, 200, 4000)
    table = data.table.assign(size=(1 + steps * 2.0**-23).astype(np.float32))
    target: NDArray[Any] = np.sin(steps) + table["size"]
    if schema.labels:
        target = np.digitize(np.sin(steps), [-0.5, 0.5][: len(schema.labels) - 1])
    split = hold_out(schema, type(data)(table, target, 0))
    kind = HistGradientBoostingClassifier if schema.labels else HistGradientBoostingRegressor
    model = make_pipeline(columns("passthrough", ["size"]), kind(max_iter=50))
    model.fit(split.train, split.train_target)

    assert export(Evaluation(schema, model, split, {}, {}))[1] < 1e-5


def test_rounding_down_never_exceeds_the_value() -> None:
    values = np.array([0.1, 0.5, -0.1, 1 + 2.0**-25, 1 - 2.0**-26, 16_777_217, -16_777_217])

    rounded = round_down(values)

    assert (rounded <= values).all()
    assert (np.nextafter(rounded, np.float32(np.inf)) > values).all()


def test_other_pipelines_are_exported_exactly() -> None:
    forest = RandomForestRegressor(20, random_state=0)
    category = columns(OneHotEncoder(handle_unknown="ignore"), ["shop"])

    assert export_with(PRICE, columns(SimpleImputer()), forest) < 1e-5
    assert export_with(THREE, category, LogisticRegression()) < 1e-5
