"""What goes into the model and what comes out: the features and the labels.

To make this application's model your own, begin here. Then come the data and the pipeline, in
`training.py`, and the labels as the documentation shows them, in `api/predictions.py`.
"""

import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import chain, islice
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

type Path = tuple[str | int, ...]


class Feature(NamedTuple):
    """One number that describes a bottle of wine; `low` and `high` are still allowed."""

    name: str
    description: str
    unit: str
    low: float
    high: float


FEATURES = (
    Feature("alcohol", "Alcohol", "% by volume", 5, 20),
    Feature("malic_acid", "Malic acid", "g/L", 0, 15),
    Feature("ash", "Ash", "g/L", 0, 10),
    Feature("alcalinity_of_ash", "Alcalinity of the ash", "meq/L", 0, 60),
    Feature("magnesium", "Magnesium", "mg/L", 10, 500),
    Feature("total_phenols", "Total phenols", "g/L", 0, 10),
    Feature("flavanoids", "Flavanoids", "g/L", 0, 10),
    Feature("nonflavanoid_phenols", "Non-flavanoid phenols", "g/L", 0, 5),
    Feature("proanthocyanins", "Proanthocyanins", "g/L", 0, 10),
    Feature("color_intensity", "Colour intensity", "absorbance", 0, 30),
    Feature("hue", "Hue", "ratio of absorbances", 0, 5),
    Feature("od280_od315_ratio", "OD280/OD315, diluted", "ratio of absorbances", 0, 8),
    Feature("proline", "Proline", "mg/L", 10, 4000),
)
LABELS = ("barolo", "grignolino", "barbera")
"""The wines that the model tells apart, in the order of its outputs."""

NAMES = tuple(feature.name for feature in FEATURES)
MAX_PROBLEMS = 20
"""More is not said about one input: who made it sees the pattern by then."""

EXAMPLE = dict(
    zip(
        NAMES,
        (13.2, 1.78, 2.14, 11.2, 100, 2.65, 2.76, 0.26, 1.28, 4.38, 1.05, 3.4, 1050),
        strict=True,
    )
)
"""A bottle of Barolo."""

NOT_NUMBERS = (KeyError, TypeError, OverflowError)
"""What converting instances to an array raises where one of them is wrong."""

_values = itemgetter(*NAMES)
_low = np.array([feature.low for feature in FEATURES])
_high = np.array([feature.high for feature in FEATURES])


class Problem(NamedTuple):
    """One thing that is wrong with an instance."""

    path: Path
    """The number of the instance, then the name of the feature."""
    detail: str


class InstancesError(ValueError):
    """Instances do not fit the features."""

    def __init__(self, problems: list[Problem]) -> None:
        """Take the first `MAX_PROBLEMS` problems."""
        super().__init__(f"{len(problems)} problems")
        self.problems = problems


def to_array(instances: Sequence[Any]) -> NDArray[np.float32]:
    """Convert instances to the model's input.

    Args:
        instances: n mappings of each feature's name to a finite number within its bounds.

    Returns:
        An array of shape (n, 13) and dtype float32, the columns in the order of `FEATURES`.

    Raises:
        InstancesError: names the first `MAX_PROBLEMS` problems.
    """
    array = _convert(instances)
    if array is None:
        raise InstancesError(list(islice(_explain(instances), MAX_PROBLEMS)))
    return array


def _convert(instances: Sequence[Any]) -> NDArray[np.float32] | None:
    """Convert all instances at once, or give None as soon as one of them is wrong."""
    try:
        rows = list(map(_values, instances))
        # All names are there, so an instance of another size has one too many.
        if not set(map(len, instances)) <= {len(NAMES)}:
            return None
        # NumPy would take "1" and true for numbers.
        if not set(map(type, chain.from_iterable(rows))) <= {int, float}:
            return None
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * len(NAMES))
    except NOT_NUMBERS:
        return None
    array = flat.reshape(-1, len(NAMES))
    # A comparison with NaN is false.
    if not ((array >= _low) & (array <= _high)).all():
        return None
    return array.astype(np.float32)


def _explain(instances: Sequence[Any]) -> Iterator[Problem]:
    """Say what is wrong with each instance, and where."""
    for index, instance in enumerate(instances):
        if not isinstance(instance, dict):
            yield Problem((index,), f"Must be an object, not {_kind(instance)}.")
            continue
        missing = [name for name in NAMES if name not in instance]
        for name in missing:
            yield Problem((index, name), "Is missing.")
        for feature in FEATURES:
            if feature.name in instance:
                detail = _explain_value(feature, instance[feature.name])
                if detail:
                    yield Problem((index, feature.name), detail)
        for name in instance:
            if name not in NAMES:
                short = name if len(name) <= 64 else f"{name[:63]}…"  # noqa: PLR2004 - fits a line
                meant = get_close_matches(short, missing or NAMES, n=1)
                hint = f" Did you mean {meant[0]}?" if meant else ""
                yield Problem((index, short), f"There is no such feature.{hint}")


def _explain_value(feature: Feature, value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"Must be a number, not {_kind(value)}."
    if isinstance(value, float) and not math.isfinite(value):
        return "Must be a finite number."
    if not feature.low <= value <= feature.high:
        return f"Must be between {feature.low:g} and {feature.high:g} ({feature.unit})."
    return None


def _kind(value: Any) -> str:
    """What JSON calls a value of this type."""
    kinds = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), "a number")


def request_schema(max_instances: int) -> dict[str, Any]:
    """Describe the body of a request for predictions as a JSON Schema, for OpenAPI."""
    instance = {
        "type": "object",
        "title": "Instance",
        "properties": {
            feature.name: {
                "type": "number",
                "minimum": feature.low,
                "maximum": feature.high,
                "description": f"{feature.description} ({feature.unit})",
            }
            for feature in FEATURES
        },
        "required": list(NAMES),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "title": "PredictionRequest",
        "properties": {
            "instances": {
                "type": "array",
                "items": instance,
                "minItems": 1,
                "maxItems": max_instances,
            }
        },
        "required": ["instances"],
        "additionalProperties": False,
    }
