"""Export the model to ONNX, and check that its predictions equal those of scikit-learn."""

import json
import os
import re
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from annotated_types import Ge, Le
from numpy.typing import NDArray
from skl2onnx import to_onnx

from {{ cookiecutter.package_name }}.model.features import Schema
from {{ cookiecutter.package_name }}.model.predictor import ModelError, OnnxPredictor

from training import converters
from training.data import to_columns
from training.evaluate import Evaluation, predict
from training.pipeline import NAME

OPSET = {"": 18, "ai.onnx.ml": 3}
TOLERANCE = 1e-4
"""The largest difference of a probability, or of a value in standard deviations."""
ROWS = 200
UNSEEN = "an unseen value"
LENGTH = 300

# What ONNX is known not to reproduce: a step or a parameter, its values, and what to try instead.
REMEDIES: tuple[tuple[str, Any, str], ...] = (
    ("FunctionTransformer", ..., "compute it in the data, as a feature of its own"),
    ("SplineTransformer", ..., "KBinsDiscretizer, or HistGradientBoosting"),
    ("TransformedTargetRegressor", ..., "train on the logarithm, and say so in the schema"),
    ("RandomizedSearchCV|Halving", ..., "GridSearchCV"),
    ("flatten_transform", (True,), "flatten_transform=False"),
    ("KNNImputer|IterativeImputer", ..., "SimpleImputer"),
    ("encode", ("onehot",), "encode='onehot-dense'"),
    ("weights", ("distance",), "weights='uniform'"),
    ("LinearDiscriminantAnalysis", ..., "LogisticRegression"),
    ("SVC", ..., "CalibratedClassifierCV(SVC())"),
    ("add_indicator", (True,), "impute without add_indicator"),
    ("categorical_features", ..., "one-hot encode the categories before the model"),
    ("loss", ("poisson", "gamma"), "loss='squared_error'"),
    ("handle_unknown", ("infrequent_if_exist", "error", "warn"), "handle_unknown='ignore'"),
    ("max_categories|min_frequency", ..., "categories=[the most frequent]"),
    ("RandomForest|ExtraTrees", ..., "impute, and do not scale"),
    ("CalibratedClassifierCV", ..., "the model without calibration"),
    ("Count|Tfidf", ..., "only lowercase=False, token_pattern=WORD and max_features"),
    ("TunedThreshold|FixedThreshold", ..., "compare the probability where you use it"),
    ("target_type", ("auto",), "OneHotEncoder, or for a regression target_type='continuous'"),
    ("(Standard|Robust|MinMax)Scaler|PowerTransformer", ..., "do not scale before trees"),
)
TREES = "Forest|Tree|Boost|LGBM|XGB"
NO_REMEDY = " See 'Serve something other than ONNX' in docs/model.md."


class ExportError(Exception):
    """A pipeline cannot be served as ONNX; the message says where, why, and what to try."""

    def __init__(self, reason: str, model: Any) -> None:
        """Shorten the reason, and add possible remedies."""
        remedies = ""
        for where, what in find_remedies(model):
            remedy = f" Fix for {where}: {what}."
            remedies += remedy if len(remedies + remedy) <= LENGTH // 2 else ""
        remedies = remedies or NO_REMEDY
        room = LENGTH - len(".") - len(remedies)
        reason = textwrap.shorten(reason, room, placeholder=" ...").rstrip(". ")
        super().__init__(f"{reason}.{remedies}")


def export(evaluation: Evaluation) -> tuple[bytes, float]:
    """Return the content of an ONNX file, and the largest difference from scikit-learn.

    Raises:
        ExportError: the model cannot be converted, or predicts something else.
    """
    schema, model, split = evaluation.schema, evaluation.model, evaluation.split
    quantiles = [] if schema.labels else np.quantile(split.train_target, np.linspace(0, 1, 13))
    metadata = {
        "name": NAME,
        "labels": json.dumps(schema.labels),
        "metrics": json.dumps(evaluation.scores),
        "buckets": json.dumps(sorted({float(f"{value:.4g}") for value in quantiles})),
    }
    if schema.labels:
        check_labels(model, split.test)
    content = convert(schema, model, split.test, metadata)
    # The image has only the locale C.UTF-8; from here on, so does this process.
    os.environ["LOCPATH"] = os.devnull
    try:
        predictor = OnnxPredictor(content, schema)
    except ModelError as error:
        raise ExportError(f"ONNX Runtime refuses it: {error.__cause__ or error}", model) from error
    scale = 1.0 if schema.labels else float(np.std(split.test_target)) or 1.0
    parity = Parity(schema, model, predictor, scale)
    return content, max(parity.check(*each) for each in stress(schema, split.test))


def check_labels(model: Any, table: pd.DataFrame) -> None:
    """Raise an `ExportError` if the model predicts other labels than the most probable ones."""
    predicted, probable = model.predict(table), model.predict_proba(table).argmax(axis=1)
    if others := int((predicted != probable).sum()):
        reason = f"The API returns the most probable label, but for {others} of {len(table)}"
        raise ExportError(f"{reason} held-out rows the pipeline predicts another one.", model)


def convert(schema: Schema, model: Any, table: pd.DataFrame, metadata: dict[str, str]) -> bytes:
    """Convert a trained pipeline to an ONNX model with one input for each column of a table."""
    converters.register()
    options = {id(model): {"zipmap": False}} if schema.labels else None
    try:
        with warnings.catch_warnings(action="ignore"):
            onnx = to_onnx(model, table, options=options, target_opset=OPSET)
    except Exception as error:  # skl2onnx's exceptions have no other base class.
        raise ExportError(f"The pipeline cannot be converted: {error}", model) from error
    for key, value in metadata.items():
        onnx.metadata_props.add(key=key, value=value)
    return bytes(onnx.SerializeToString())


def stress(schema: Schema, table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the held-out rows, and variants of them that may occur in production."""
    yield "held-out rows", table
    rows = table.sample(min(len(table), ROWS), random_state=0)
    shuffled = {key: rows[key].sample(frac=1, random_state=n).array for n, key in enumerate(rows)}
    yield "rows with shuffled columns", pd.DataFrame(shuffled)
    random, size = np.random.default_rng(0), len(rows)
    within = {
        name: rows[name].where(random.random(size) < 1 / 2, random.uniform(*limits, size))
        for name, limits in bounds(schema).items()
    }
    yield "rows with numbers within their bounds", rows.assign(**within).astype(table.dtypes)
    missing = {it.name: "" if it.is_text else np.nan for it in schema.features if it.optional}
    yield "rows with everything missing", rows.assign(**missing).astype(table.dtypes)
    for feature in schema.features:
        variants: dict[str, Any] = {value: value for value in feature.categories}
        if feature.kind == "text":
            variants["unseen"] = UNSEEN
        if feature.optional:
            variants["missing"] = missing[feature.name]
        for what, value in variants.items():
            changed = rows.assign(**{feature.name: value}).astype(table.dtypes)
            yield f"rows with {feature.name} {what}", changed


def bounds(schema: Schema) -> dict[str, tuple[Any, Any]]:
    """Return the lower and the upper bound of each number that has both."""
    fields = schema.features_model.model_fields
    numbers = [each.name for each in schema.features if each.kind == "number"]
    limits = {name: {type(each): each for each in fields[name].metadata} for name in numbers}
    return {name: (it[Ge].ge, it[Le].le) for name, it in limits.items() if Ge in it and Le in it}


@dataclass(frozen=True)
class Parity:
    """Compares the predictions of scikit-learn and ONNX Runtime."""

    schema: Schema
    model: Any
    predictor: OnnxPredictor
    scale: float
    """The divisor of a difference, unless the prediction is further from the median."""

    def check(self, what: str, table: pd.DataFrame) -> float:
        """Return the largest difference, or raise an `ExportError` if it is too large."""
        difference = self.compare(table)
        if (wrong := int((~(difference <= TOLERANCE)).sum())) == 0:
            return float(difference.max())
        causes = []
        for name in self.schema.names:  # Do they agree if this column has a single value?
            same = table.assign(**{name: table[name].iloc[0]}).astype(table.dtypes)
            if (self.compare(same) <= TOLERANCE).all():
                causes.append(name)
        because = f", because of {' or '.join(causes)}" if causes else ""
        raise ExportError(
            f"ONNX Runtime and scikit-learn differ by up to {np.nanmax(difference):.2g} "
            f"in {wrong} of {len(table)} {what}{because}.",
            self.model,
        )

    def compare(self, table: pd.DataFrame) -> NDArray[Any]:
        """Return the difference of the predictions for each row."""
        try:
            expected = predict(self.schema, self.model, table)
            found = self.predictor.predict_columns(to_columns(table))
        except Exception as error:  # These exceptions have no other base class.
            raise ExportError(f"Prediction fails: {error}", self.model) from error
        # How far the predictions are from 0 says nothing: float32 cannot tell 1e8 from 1e8 + 1.
        scale = np.maximum(self.scale, np.abs(expected - np.median(expected)))
        difference = np.abs(found - expected) / scale
        worst: NDArray[Any] = difference.reshape(len(table), -1).max(axis=1)
        return worst


def find_remedies(model: Any) -> Iterator[tuple[str, str]]:
    """Yield the steps and parameters that ONNX is known not to reproduce, and what to try."""
    steps = {"": model, **model.get_params()}
    has_trees = any(re.search(TREES, type(each).__name__) for each in steps.values())
    for names, values, remedy in REMEDIES if has_trees else REMEDIES[:-1]:
        for path, value in steps.items():
            is_step = re.match(names, type(value).__name__)
            if values is ...:
                is_lost = value is not None and not isinstance(value, str)
            else:
                is_lost = isinstance(value, str | bool) and value in values
            if is_step or (is_lost and re.fullmatch(names, path.rpartition("__")[2])):
                yield path or type(value).__name__, remedy
