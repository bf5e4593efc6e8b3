"""What the model API is measured against: FastAPI as in its tutorial, and no more.

One route calls the same ONNX session on the event loop, the other the scikit-learn pipeline that
the session was made from. Neither looks at more than the shape of the body.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from fastapi import FastAPI
from my_application.model import schema, training
from numpy.typing import NDArray

ONNX = Path(training.__file__).with_name("model.onnx")

app = FastAPI()
options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(ONNX.read_bytes(), options, providers=["CPUExecutionProvider"])
pipeline = training.train(lambda *_: None).pipeline


def to_array(body: dict[str, Any]) -> NDArray[np.float32]:
    """Convert the instances of a body, trusting it to fit."""
    rows = [[instance[name] for name in schema.NAMES] for instance in body["instances"]]
    return np.array(rows, np.float32)


def to_answer(probabilities: NDArray[np.float32]) -> dict[str, Any]:
    """Convert probabilities to what the model API answers."""
    return {
        "predictions": [
            {
                "label": schema.LABELS[int(row.argmax())],
                "probabilities": dict(zip(schema.LABELS, row.tolist(), strict=True)),
            }
            for row in probabilities
        ]
    }


@app.post("/onnx")
async def onnx(body: dict[str, Any]) -> dict[str, Any]:
    """Predict with the ONNX session."""
    return to_answer(session.run(["probabilities"], {"features": to_array(body)})[0])


@app.post("/scikit-learn")
async def scikit_learn(body: dict[str, Any]) -> dict[str, Any]:
    """Predict with the pipeline."""
    return to_answer(pipeline.predict_proba(to_array(body)))
