"""The baseline for the model API: FastAPI as in its tutorial.

The requests have the same Pydantic model. One route calls the same ONNX session on the event loop,
and the other the scikit-learn pipeline that was converted to it.
"""

from typing import Any

import numpy as np
from fastapi import FastAPI
from my_application.model.predictor import PACKAGED_MODEL, OnnxPredictor
from my_application.model.schema import SCHEMA, Features
from numpy.typing import NDArray
from pydantic import BaseModel
from training.data import load, to_table
from training.evaluate import hold_out
from training.pipeline import DATA, create_pipeline

split = hold_out(SCHEMA, load(SCHEMA, DATA))
pipeline = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
predictor = OnnxPredictor(PACKAGED_MODEL.read_bytes(), SCHEMA)
app = FastAPI()


class Request(BaseModel):
    """The instances."""

    instances: list[Features]


class Prediction(BaseModel):
    """A label and the probabilities."""

    label: str
    probabilities: dict[str, float]


class Response(BaseModel):
    """The predictions."""

    predictions: list[Prediction]


def to_response(probabilities: NDArray[Any]) -> dict[str, Any]:
    """Convert probabilities to the response of the model API."""
    return {
        "predictions": [
            {
                "label": SCHEMA.labels[int(row.argmax())],
                "probabilities": dict(zip(SCHEMA.labels, row.tolist(), strict=True)),
            }
            for row in probabilities
        ]
    }


@app.post("/onnx", response_model=Response)
async def onnx(body: Request) -> object:
    """Predict with the ONNX session."""
    return to_response(predictor.predict(body.instances))


@app.post("/scikit-learn", response_model=Response)
async def scikit_learn(body: Request) -> object:
    """Predict with the scikit-learn pipeline."""
    table = to_table(SCHEMA, list(body.instances))
    return to_response(np.asarray(pipeline.predict_proba(table)))
