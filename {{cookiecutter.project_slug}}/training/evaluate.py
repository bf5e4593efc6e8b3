"""Evaluate the model on held-out rows, and compare it with a baseline."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.model_selection import train_test_split

from {{ cookiecutter.package_name }}.model.features import Schema

from training.data import Data, DataError
from training.pipeline import SEED, TEST_SHARE


@dataclass(frozen=True)
class Split:
    """The rows to train on, and the rows that are held out."""

    train: pd.DataFrame
    test: pd.DataFrame
    train_target: NDArray[Any]
    test_target: NDArray[Any]


@dataclass(frozen=True)
class Evaluation:
    """A trained model, and its scores and those of a baseline on the held-out rows."""

    schema: Schema
    model: Any
    split: Split
    scores: dict[str, float]
    baseline: dict[str, float]


def hold_out(schema: Schema, data: Data) -> Split:
    """Hold out some rows. If the rows of one customer or day belong together, split by that.

    Raises:
        DataError: the remaining rows have no value of a feature.
    """
    stratify = data.target if schema.labels else None
    parts = train_test_split(
        data.table, data.target, test_size=TEST_SHARE, random_state=SEED, stratify=stratify
    )
    missing = parts[0].isna() | (parts[0] == "")
    if empty := [str(name) for name in missing if missing[name].all()]:
        raise DataError(
            f"The rows to train on have no value of {', '.join(empty)}. If the column has another "
            "name, give it as `validation_alias` in model/schema.py; otherwise remove the feature."
        )
    return Split(*parts)


def predict(schema: Schema, model: Any, table: pd.DataFrame) -> NDArray[Any]:
    """Predict probabilities or values with scikit-learn.

    Raises:
        DataError: a classifier has no probabilities.
    """
    if schema.labels and not hasattr(model, "predict_proba"):
        raise DataError(
            "The API returns probabilities, but the pipeline has no predict_proba. "
            "Try CalibratedClassifierCV(...), or voting='soft' with flatten_transform=False."
        )
    output: NDArray[Any] = model.predict_proba(table) if schema.labels else model.predict(table)
    return output


def evaluate(schema: Schema, model: Any, split: Split) -> Evaluation:
    """Score a model, and a baseline that always predicts the shares of labels or the median."""
    baseline: Any = DummyClassifier() if schema.labels else DummyRegressor(strategy="median")
    scores, baseline_scores = (
        score(schema, predict(schema, each, split.test), split.test_target)
        for each in (model, baseline.fit(split.train, split.train_target))
    )
    return Evaluation(schema, model, split, scores, baseline_scores)


def score(schema: Schema, output: NDArray[Any], target: NDArray[Any]) -> dict[str, float]:
    """Score probabilities or values."""
    if not schema.labels:
        return {
            "mean_absolute_error": float(metrics.mean_absolute_error(target, output)),
            "root_mean_squared_error": float(metrics.root_mean_squared_error(target, output)),
            "r2": float(metrics.r2_score(target, output)),
        }
    labels, predicted = list(range(len(schema.labels))), output.argmax(axis=1)
    scores = output[:, 1] if len(labels) == 2 else output  # noqa: PLR2004 - scikit-learn's rule
    return {
        "accuracy": float(metrics.accuracy_score(target, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(target, predicted)),
        "log_loss": float(metrics.log_loss(target, output, labels=labels)),
        "roc_auc": float(metrics.roc_auc_score(target, scores, multi_class="ovr", labels=labels)),
    }
