"""Convert gradient-boosted trees to ONNX exactly.

ONNX compares float32 values with float32 thresholds. A threshold that is rounded down gives the
same result for every float32 value, but skl2onnx and onnxmltools round to the nearest.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from skl2onnx.operator_converters.random_forest import (
    convert_sklearn_random_forest_classifier,
    convert_sklearn_random_forest_regressor_converter,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


class RoundingContainer:
    """A container of skl2onnx that rounds the thresholds of the trees down to float32."""

    def __init__(self, container: Any) -> None:
        """Wrap a container."""
        self.container = container

    def __getattr__(self, name: str) -> Any:
        """Delegate everything else to the container."""
        return getattr(self.container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        """Add a node to the model."""
        if "nodes_values" in attributes:
            attributes["nodes_values"] = round_down(attributes["nodes_values"]).tolist()
        self.container.add_node(op_type, inputs, outputs, **attributes)


def round_down(values: Any) -> NDArray[np.float32]:
    """Round each value down to a float32."""
    exact = np.asarray(values, np.float64)
    nearest = exact.astype(np.float32)
    return np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)


def rounding(convert: Callable[..., None]) -> Callable[[Any, Any, Any], None]:
    """Wrap a converter so that it rounds thresholds down."""

    def convert_rounding(scope: Any, operator: Any, container: Any) -> None:
        variable = operator.inputs[0]
        declared = variable.type
        variable.type = DoubleTensorType(declared.shape)  # Else skl2onnx rounds to nearest.
        try:
            convert(scope, operator, RoundingContainer(container))
        finally:
            variable.type = declared

    return convert_rounding


def register() -> None:
    """Register the converters, including those for LightGBM if it is installed."""
    converters: list[tuple[type, Callable[..., None]]] = [
        (
            HistGradientBoostingClassifier,
            partial(convert_sklearn_random_forest_classifier, op_version=3),
        ),
        (HistGradientBoostingRegressor, convert_sklearn_random_forest_regressor_converter),
    ]
    try:
        from lightgbm import LGBMClassifier, LGBMRegressor  # noqa: PLC0415 - optional
        from onnxmltools.convert.lightgbm.operator_converters import LightGbm  # noqa: PLC0415 - too

        convert = LightGbm.convert_lightgbm
        converters += [(LGBMClassifier, convert), (LGBMRegressor, convert)]
    except ModuleNotFoundError:
        pass
    for model, convert in converters:
        alias, shapes = f"Rounding{model.__name__}", calculate_linear_regressor_output_shapes
        if hasattr(model, "predict_proba"):
            shapes = calculate_linear_classifier_output_shapes
        update_registered_converter(model, alias, shapes, rounding(convert), options="passthrough")
