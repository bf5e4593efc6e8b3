"""Train the served model: `python -m training.skops_model`."""

from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import QuantileTransformer

from my_application.model.features import Schema
from my_application.model.schema import SCHEMA
from my_application.model.skops_predictor import SKOPS_MODEL

from training.data import load
from training.evaluate import evaluate, hold_out
from training.pipeline import DATA, SEED, create_pipeline


def create_model(schema: Schema, table: pd.DataFrame) -> Pipeline:
    """Create the untrained model: categories are encoded as in the pipeline of the ONNX model."""
    encoder = create_pipeline(schema, table)[0]
    quantiles = QuantileTransformer(n_quantiles=50, random_state=SEED)  # ONNX has none.
    model: Any = LogisticRegression(max_iter=1000) if schema.labels else Ridge()
    return make_pipeline(encoder, SimpleImputer(strategy="median"), quantiles, model)


def main() -> None:
    """Train, evaluate and write the model."""
    split = hold_out(SCHEMA, load(SCHEMA, DATA))
    pipeline = create_model(SCHEMA, split.train).fit(split.train, split.train_target)
    scores = evaluate(SCHEMA, pipeline, split).scores
    quantiles = [] if SCHEMA.labels else np.quantile(split.train_target, np.linspace(0, 1, 13))
    stored = {
        "pipeline": pipeline,
        "features": list(SCHEMA.names),
        "labels": list(SCHEMA.labels),
        "scores": {name: float(score) for name, score in scores.items()},
        "buckets": sorted({float(f"{value:.4g}") for value in quantiles}),
    }
    skops.io.dump(stored, SKOPS_MODEL)
    for name, score in scores.items():
        print(f"{name}: {score:.4g}")


if __name__ == "__main__":
    main()
