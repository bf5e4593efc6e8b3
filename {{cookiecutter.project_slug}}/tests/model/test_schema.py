import math
from typing import Any

import numpy as np
import pytest

from {{ cookiecutter.package_name }}.model import schema
from {{ cookiecutter.package_name }}.model.schema import EXAMPLE

WITHOUT_HUE = {name: value for name, value in EXAMPLE.items() if name != "hue"}


def problems(*instances: Any) -> list[tuple[tuple[str | int, ...], str]]:
    with pytest.raises(schema.InstancesError) as error:
        schema.to_array(instances)
    return [(problem.path, problem.detail) for problem in error.value.problems]


def test_instances_become_rows_in_the_order_of_the_features() -> None:
    shuffled = dict(reversed(EXAMPLE.items()))

    array = schema.to_array([EXAMPLE, shuffled])

    assert array.shape == (2, len(schema.FEATURES))
    assert array.dtype == np.float32
    assert (array[0] == array[1]).all()
    assert array[0].tolist() == pytest.approx(list(EXAMPLE.values()))


def test_the_bounds_themselves_are_allowed() -> None:
    lowest = {feature.name: feature.low for feature in schema.FEATURES}
    highest = {feature.name: feature.high for feature in schema.FEATURES}

    assert schema.to_array([lowest, highest]).shape == (2, len(schema.FEATURES))


@pytest.mark.parametrize(
    ("instance", "path", "detail"),
    [
        (WITHOUT_HUE, (0, "hue"), "Is missing."),
        (EXAMPLE | {"hue": -0.01}, (0, "hue"), "Must be between 0 and 5"),
        (EXAMPLE | {"hue": 10**400}, (0, "hue"), "Must be between 0 and 5"),
        (EXAMPLE | {"hue": math.nan}, (0, "hue"), "Must be a finite number."),
        (EXAMPLE | {"hue": math.inf}, (0, "hue"), "Must be a finite number."),
        (EXAMPLE | {"hue": "1"}, (0, "hue"), "Must be a number, not a string."),
        (EXAMPLE | {"hue": True}, (0, "hue"), "Must be a number, not a boolean."),
        (EXAMPLE | {"hue": None}, (0, "hue"), "Must be a number, not null."),
        (EXAMPLE | {"hue": [1]}, (0, "hue"), "Must be a number, not an array."),
        (EXAMPLE | {"age": 3}, (0, "age"), "There is no such feature."),
        (EXAMPLE | {"x" * 99: 3}, (0, "x" * 63 + "…"), "There is no such feature."),
        ([], (0,), "Must be an object, not an array."),
        ("wine", (0,), "Must be an object, not a string."),
        (13.2, (0,), "Must be an object, not a number."),
    ],
)
def test_a_wrong_instance_is_refused_with_its_place(
    instance: Any, path: tuple[str | int, ...], detail: str
) -> None:
    [(where, what)] = problems(instance)

    assert where == path
    assert what.startswith(detail)


def test_a_misspelt_feature_is_refused_with_the_likely_name() -> None:
    assert problems(EXAMPLE, WITHOUT_HUE | {"hu": 1.0}) == [
        ((1, "hue"), "Is missing."),
        ((1, "hu"), "There is no such feature. Did you mean hue?"),
    ]


def test_so_many_problems_are_told_and_no_more() -> None:
    assert len(problems(*[{}] * 1000)) == schema.MAX_PROBLEMS
