"""Load the model's ONNX file once, check it, and predict with it."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from {{ cookiecutter.package_name }}.model import schema

PACKAGED = Path(__file__).with_name("model.onnx")
"""The model that comes with this package."""

INPUT, OUTPUT = "features", "probabilities"

SILENT = 4
"""ONNX Runtime's level for fatal errors only: what goes wrong is an exception, and so logged."""


class ModelError(Exception):
    """A file is no model that this application can serve; the message says why."""


@dataclass(frozen=True)
class Description:
    """What the model's file says about itself."""

    name: str
    version: str
    """The first 12 digits of the file's hash: another file is another version."""
    sha256: str
    """The hash of the whole file, in hexadecimal."""
    metrics: dict[str, float]
    """How well the model did on rows that it was not trained on."""


class Predictor:
    """A model that is loaded, checked and warm. Safe to use from several threads at once."""

    def __init__(self, session: ort.InferenceSession, description: Description) -> None:
        """Take a session that has passed the checks; use `load` to make one from a file."""
        self.description = description
        self._session = session

    @classmethod
    def load(cls, path: Path | None = None, *, threads: int = 1) -> Self:
        """Load the model of a file, check that it fits the schema, and predict once.

        Args:
            path: the ONNX file; the packaged one if None.
            threads: how many threads ONNX Runtime uses within one prediction.

        Raises:
            ModelError: the file cannot be read, is no ONNX model, or is one of other inputs,
                outputs or labels.
        """
        path = path or PACKAGED
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
        try:
            return cls.parse(content, threads=threads)
        except ModelError as error:
            raise ModelError(f"{path} {error}") from error

    @classmethod
    def parse(cls, content: bytes, *, threads: int = 1) -> Self:
        """Do the same for the content of a file; a `ModelError` then lacks the file's name."""
        session = _session(content, threads)
        try:
            metadata = _metadata(session)
            problem = _misfit(session, metadata)
        except UnicodeDecodeError as error:  # A name or a text in the file is no text.
            raise ModelError(f"is a damaged ONNX model: {error}.") from error
        if problem:
            raise ModelError(f"is a model for something else: {problem}")
        digest = hashlib.sha256(content).hexdigest()
        description = Description(metadata["name"], digest[:12], digest, metadata["metrics"])
        predictor = cls(session, description)
        predictor.warm_up()
        return predictor

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the probability of each label for each row.

        Args:
            features: shape (n, 13), dtype float32, as `schema.to_array` makes it; n >= 1.

        Returns:
            Shape (n, 3), dtype float32, the columns in the order of `schema.LABELS`; every row
            sums to 1.
        """
        output: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: features})[0]
        return output

    def warm_up(self) -> None:
        """Predict once: the first prediction is slow, and shows what the types cannot.

        Raises:
            ModelError: what comes out are no probabilities.
        """
        try:
            output = self.predict(schema.to_array([schema.EXAMPLE] * 2))
        except Exception as error:
            raise ModelError(f"cannot predict: {error}") from error
        expected = (2, len(schema.LABELS))
        if output.shape != expected or not np.isfinite(output).all():
            raise ModelError(f"does not predict {expected} finite probabilities.")


def to_records(probabilities: NDArray[np.float32]) -> list[dict[str, Any]]:
    """Give each row of `Predictor.predict` as an object for JSON.

    Returns:
        n objects of the likeliest label, and of each label's probability to 6 decimals: more
        would be float32's noise.
    """
    labels = schema.LABELS
    best = probabilities.argmax(axis=1).tolist()
    rows = probabilities.astype(np.float64).round(6).tolist()
    return [
        {"label": labels[index], "probabilities": dict(zip(labels, row, strict=True))}
        for index, row in zip(best, rows, strict=True)
    ]


def _session(content: bytes, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    try:
        # Falling back on another provider, ONNX Runtime would print; and there is none.
        return ort.InferenceSession(
            content, options, providers=["CPUExecutionProvider"], enable_fallback=False
        )
    except Exception as error:  # ONNX Runtime's exceptions have no other base.
        raise ModelError(f"is no ONNX model, or not the whole of one: {error}") from error


def _metadata(session: ort.InferenceSession) -> dict[str, Any]:
    """Read what `training.export` wrote into the file beside the model itself."""
    texts = session.get_modelmeta().custom_metadata_map
    try:
        return {
            "name": texts["name"],
            "features": json.loads(texts["features"]),
            "labels": json.loads(texts["labels"]),
            "metrics": {name: float(it) for name, it in json.loads(texts["metrics"]).items()},
        }
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise ModelError(
            f"does not say which features and labels it has ({error!r}); the command `train` makes "
            "one that does."
        ) from error


def _misfit(session: ort.InferenceSession, metadata: dict[str, Any]) -> str | None:
    """Say how the model differs from the schema, if it does."""
    inputs = [(it.name, it.type, *it.shape[1:]) for it in session.get_inputs()]
    outputs = [(it.name, it.type) for it in session.get_outputs()]
    expected_input = (INPUT, "tensor(float)", len(schema.NAMES))
    expected_output = (OUTPUT, "tensor(float)")
    if inputs != [expected_input]:
        return f"its inputs are {inputs}, not {[expected_input]}."
    if expected_output not in outputs:
        return f"its outputs are {outputs}, without {expected_output}."
    for what, names in ("features", schema.NAMES), ("labels", schema.LABELS):
        if metadata[what] != list(names):
            return f"its {what} are {metadata[what]}, not {list(names)}."
    return None
