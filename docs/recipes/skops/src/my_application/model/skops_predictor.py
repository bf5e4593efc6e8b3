"""Predict with a scikit-learn pipeline, loaded without the risks of pickle."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray
from pydantic import BaseModel

from my_application.model.features import Schema
from my_application.model.predictor import ModelError, ModelInfo

SKOPS_MODEL = Path(__file__).with_name("model.skops")
TRUSTED_TYPES = ["numpy.dtype"]
"""The types that are trusted in addition to those that skops trusts; its error names them."""


class SkopsPredictor:
    """A pipeline that is ready to predict."""

    def __init__(self, path: Path, schema: Schema) -> None:
        """Load a file that `python -m training.skops_model` has written.

        Raises:
            ModelError: the file cannot be served.
        """
        try:
            content = path.read_bytes()
            stored = skops.io.loads(content, trusted=TRUSTED_TYPES)
        except Exception as error:  # Those of skops have no other base class.
            raise ModelError(f"{path} cannot be loaded: {error}") from error
        if stored["labels"] != list(schema.labels) or stored["features"] != list(schema.names):
            raise ModelError(f"{path} does not fit the schema. Run: python -m training.skops_model")
        version = hashlib.sha256(content).hexdigest()[:12]
        self.info = ModelInfo("skops", version, stored["scores"], tuple(stored["buckets"]))
        self._schema, self._pipeline = schema, stored["pipeline"]

    def predict(self, instances: Sequence[BaseModel]) -> NDArray[np.float32]:
        """Return probabilities of shape (n, labels), or values of shape (n,)."""
        columns = self._schema.to_columns(instances)
        table = pd.DataFrame({name: column[:, 0] for name, column in columns.items()})
        method = "predict_proba" if self._schema.labels else "predict"
        return np.asarray(getattr(self._pipeline, method)(table), np.float32)
