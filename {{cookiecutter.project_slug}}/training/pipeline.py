"""The data and the pipeline: edit this file to improve the model."""

from pathlib import Path
from typing import Any

import pandas as pd
from skl2onnx.sklapi import CastTransformer
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from {{ cookiecutter.package_name }}.model.features import Feature, Schema

NAME = "penguins"
DATA = Path("data/penguins.csv")
TEST_SHARE = 0.25
SEED = 0
MOST_FREQUENT = 100
"""The number of values, or words, of a string that get a column of their own."""
WORD = r"[^ \t\n.,;:!?()]+"


def create_pipeline(schema: Schema, table: pd.DataFrame) -> Pipeline:
    """Create the untrained pipeline for a table that has a column for each feature.

    It suits most tables as it is. To change it:

    - Most other models need numbers that are not missing: replace "passthrough" with
      `SimpleImputer(strategy="median")`. All but forests need them on a similar scale, too:
      `make_pipeline(SimpleImputer(strategy="median"), StandardScaler())`.
    - For LightGBM, run `poetry add --group train lightgbm onnxmltools`, and replace the model with
      `LGBMClassifier(verbose=-1)` or `LGBMRegressor(verbose=-1)`.
    - Training refuses what ONNX cannot reproduce, with a hint on what to try instead.
    """
    enough = len(table) >= 10 * len(schema.labels)  # Early stopping holds out a tenth.
    options = {"max_iter": 200, "early_stopping": enough, "random_state": SEED}
    options["l2_regularization"] = 1  # Otherwise, rare labels may diverge.
    if schema.labels:
        model: Any = HistGradientBoostingClassifier(**options)
    else:
        model = HistGradientBoostingRegressor(**options)
    numbers = [feature.name for feature in schema.features if not feature.is_text]
    steps: list[Any] = [("numbers", "passthrough", numbers)] if numbers else []
    steps += [encode(schema, each, table) for each in schema.features if each.is_text]
    return make_pipeline(ColumnTransformer(steps, sparse_threshold=0), model)


def encode(schema: Schema, feature: Feature, table: pd.DataFrame) -> tuple[str, Any, Any]:
    """Return the step of a category or a string: its name, its encoder, and its column."""
    values = table[feature.name].value_counts()
    if feature.kind == "text" and len(values) > len(table) / 2:
        # A free text. Counts are exact in ONNX, unlike TF-IDF. `lowercase` needs a locale.
        words = CountVectorizer(max_features=MOST_FREQUENT, lowercase=False, token_pattern=WORD)
        return f"words_{feature.name}", words, feature.name
    if feature.kind == "text" and len(schema.labels) <= 2:  # noqa: PLR2004 - skl2onnx's limit
        folds = KFold(5, shuffle=True, random_state=SEED)
        target = "binary" if schema.labels else "continuous"  # It would guess for whole numbers.
        mean = make_pipeline(TargetEncoder(target_type=target, cv=folds), CastTransformer())
        return f"mean_{feature.name}", mean, [feature.name]  # In float32, as in ONNX.
    # `max_categories` cannot be exported. A rare value is encoded like an unknown one: as zeros.
    frequent = values.index[:MOST_FREQUENT].to_numpy(object)
    encoder = OneHotEncoder(categories=[frequent], handle_unknown="ignore", sparse_output=False)
    return f"one_hot_{feature.name}", encoder, [feature.name]
