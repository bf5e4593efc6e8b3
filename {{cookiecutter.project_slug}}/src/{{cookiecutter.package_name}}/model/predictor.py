"""Load the ONNX model, check that it fits the schema, and predict with it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.model.features import Columns, Schema

PACKAGED_MODEL = Path(__file__).with_name("model.onnx")
FATAL = 4
"""A severity of ONNX Runtime's own log. Its errors are raised, and logged by the application."""

TOLERANCE = 0.001
"""The largest error of probabilities, which are float32."""


class ModelError(Exception):
    """A model file cannot be served; the message says why."""


@dataclass(frozen=True)
class ModelInfo:
    """A description of the model, read from its file."""

    name: str
    version: str
    """The first 12 digits of the hash of the file."""
    metrics: dict[str, float]
    """The scores on held-out rows."""
    buckets: tuple[float, ...] = ()
    """The bounds of a histogram of predicted values; none for a classifier."""


class Predictor(Protocol):
    """The interface of a model that the API and the batch command use."""

    info: ModelInfo

    def predict(self, instances: Sequence[BaseModel]) -> NDArray[np.float32]:
        """Return probabilities of shape (n, labels), or values of shape (n,).

        It is called from several threads at once.
        """


def load_predictor(schema: Schema, path: str | Path = "", *, threads: int = 1) -> Predictor:
    """Load a model file, or the packaged one. Edit this to serve something other than ONNX.

    Raises:
        ModelError: the file cannot be read or served.
    """
    path = Path(path or PACKAGED_MODEL)
    try:
        return OnnxPredictor(path.read_bytes(), schema, threads=threads)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    except ModelError as error:
        raise ModelError(f"{path} {error}") from error


class OnnxPredictor:
    """An ONNX model that fits the schema and is ready to predict."""

    def __init__(self, content: bytes, schema: Schema, *, threads: int = 1) -> None:
        """Load the content of a file.

        Raises:
            ModelError: it is not an ONNX model, or has other features or labels than the schema.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = FATAL
        self._schema = schema
        try:
            self._session = ort.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], enable_fallback=False
            )
        except Exception as error:  # ONNX Runtime's exceptions have no other base class.
            raise ModelError(f"is not an ONNX model or is truncated: {error}") from error
        self._output = self._session.get_outputs()[-1].name
        self.info = self._read_info(hashlib.sha256(content).hexdigest()[:12])
        self._check_inputs()
        self._check_prediction()

    def predict(self, instances: Sequence[BaseModel]) -> NDArray[np.float32]:
        """Return probabilities of shape (n, labels), or values of shape (n,)."""
        return self.predict_columns(self._schema.to_columns(instances))

    def predict_columns(self, columns: Columns) -> NDArray[np.float32]:
        """Predict for the columns of `Schema.to_columns`."""
        output: NDArray[np.float32] = self._session.run([self._output], columns)[0]
        return output if self._schema.labels else output.reshape(-1)

    def _read_info(self, version: str) -> ModelInfo:
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
            name, metrics = metadata["name"], json.loads(metadata["metrics"])
            labels, buckets = json.loads(metadata["labels"]), json.loads(metadata["buckets"])
        except (KeyError, ValueError) as error:
            raise ModelError(f"was not exported by `make train`: no valid {error}.") from error
        if labels != list(self._schema.labels):
            raise ModelError(
                f"does not fit the schema: its labels are {labels}, those of the schema "
                f"{list(self._schema.labels)}. Run: make train"
            )
        return ModelInfo(name, version, metrics, tuple(buckets))

    def _check_inputs(self) -> None:
        found = {each.name: each.type for each in self._session.get_inputs()}
        expected = {
            each.name: "tensor(string)" if each.is_text else "tensor(float)"
            for each in self._schema.features
        }
        differences = [
            f"{name} is {found.get(name, 'missing')}, in the schema {expected.get(name, 'missing')}"
            for name in sorted(found.keys() | expected.keys())
            if found.get(name) != expected.get(name)
        ]
        if differences:
            reason = "; ".join(differences)
            raise ModelError(f"does not fit the schema: {reason}. Run: make train")

    def _check_prediction(self) -> None:
        """Predict once: the first prediction is slow, and shows whether the model works."""
        try:
            output: Any = self.predict([self._schema.example] * 2)
        except Exception as error:
            raise ModelError(f"cannot predict: {error}") from error
        expected = (2, len(self._schema.labels)) if self._schema.labels else (2,)
        if output.shape != expected:
            raise ModelError(f"predicts an array of shape {output.shape}, not {expected}.")
        check_output(self._schema, output)


def check_output(schema: Schema, output: NDArray[Any]) -> None:
    """Raise a `ModelError` if values are not finite, or probabilities do not sum to 1."""
    if not schema.labels:
        if not np.isfinite(output).all():
            raise ModelError("does not predict finite numbers.")
    # A comparison with NaN is false.
    elif not (output.min() > -TOLERANCE and abs(output.sum(axis=1) - 1).max() < TOLERANCE):
        raise ModelError("does not predict probabilities that sum to 1.")
