"""The data and the pipeline: edit this file to improve the model."""

from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from {{ cookiecutter.package_name }}.model.features import Feature, Schema

NAME = "penguins"
DATA = Path("data/penguins.csv")
TEST_SHARE = 0.25
SEED = 0
MOST_FREQUENT = 100
"""How many values of a string get a column of their own."""


def create_pipeline(schema: Schema, table: pd.DataFrame) -> Pipeline:
    """Create the untrained pipeline for a table that has a column for each feature.

    It serves most tables as it is. To change it:

    - Numbers may be missing here. Most other models need an imputer before them:
      `make_pipeline(SimpleImputer(strategy="median"), StandardScaler())` for "numbers".
    - For long texts, replace the encoder of that feature, and its `[name]` by `name`:
      `TfidfVectorizer(max_features=5000, token_pattern="[a-zA-Z0-9]+")`.
    - LightGBM: `poetry add --group train lightgbm onnxmltools`, then `LGBMClassifier(verbose=-1)`.
    - `python -m training` refuses what ONNX cannot reproduce, and says what to try.
    """
    options = {"max_iter": 200, "early_stopping": True, "random_state": SEED}
    if schema.labels:
        model: Any = HistGradientBoostingClassifier(**options)
    else:
        model = HistGradientBoostingRegressor(**options)
    numbers = [feature.name for feature in schema.features if not feature.is_text]
    encoders = [
        (feature.name, create_encoder(schema, feature, table), [feature.name])
        for feature in schema.features
        if feature.is_text
    ]
    columns = [("numbers", "passthrough", numbers), *encoders]
    return make_pipeline(ColumnTransformer(columns, sparse_threshold=0), model)


def create_encoder(schema: Schema, feature: Feature, table: pd.DataFrame) -> Any:
    """Create the encoder of a category or a string."""
    if feature.kind == "text" and len(schema.labels) <= 2:  # noqa: PLR2004 - skl2onnx has no others
        return TargetEncoder(cv=KFold(5, shuffle=True, random_state=SEED))
    # `max_categories` cannot be exported. A rare value is encoded like an unknown one: as zeros.
    values = table[feature.name].value_counts().index[:MOST_FREQUENT].to_numpy(object)
    return OneHotEncoder(categories=[values], handle_unknown="ignore", sparse_output=False)
