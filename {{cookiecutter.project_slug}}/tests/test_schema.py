from datetime import date
from typing import Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError, create_model
from tests.tiny import EXAMPLE, PRICE, THREE, TWO, Features

from {{ cookiecutter.package_name }}.model.features import (
    FeatureModel,
    Schema,
    SchemaError,
)


def schema_of(feature: Any, target: Any = float) -> Schema:
    features: Any = create_model("Features", __base__=FeatureModel, feature=(feature, None))
    return Schema(features, create_model("Target", target=(target, ...)), features())


def test_the_models_are_read() -> None:
    assert [feature.kind for feature in TWO.features] == [
        "number", "number", "category", "text", "boolean", "date"
    ]  # fmt: skip
    assert TWO.features[0].column == "Size (cm)"
    assert TWO.labels == ("small", "large")
    assert PRICE.labels == ()


@pytest.mark.parametrize("feature", [list[int], int | float, Literal[1, 2], bytes])
def test_a_feature_that_no_model_takes_is_refused(feature: Any) -> None:
    with pytest.raises(SchemaError, match="feature: a field cannot be"):
        schema_of(feature | None)


@pytest.mark.parametrize("target", [str, bool, float | None, Literal["a", "b"] | None], ids=str)
def test_a_target_that_no_model_predicts_is_refused(target: Any) -> None:
    with pytest.raises(SchemaError, match="target must be a Literal or a float"):
        schema_of(int | None, target)


@pytest.mark.parametrize("name", ["label", "a__b"])
def test_a_name_that_the_exported_model_cannot_have_is_refused(name: str) -> None:
    field: dict[str, Any] = {name: (float, 1.0)}
    features = create_model("Features", __base__=FeatureModel, **field)

    with pytest.raises(SchemaError, match=f"{name}: rename it"):
        Schema(features, create_model("Target", target=(float, ...)), features())


def test_a_label_that_means_a_missing_value_is_refused() -> None:
    with pytest.raises(SchemaError, match="strings that do not mean a missing value"):
        schema_of(Literal["NA", "EU"] | None)


def test_a_date_that_the_api_would_refuse_is_refused() -> None:
    class Strict(FeatureModel):
        sold: date

    class Target(BaseModel):
        value: float

    with pytest.raises(SchemaError, match="strict=False"):
        Schema(Strict, Target, Strict(sold=date(2026, 1, 2)))


def test_a_row_of_text_is_parsed() -> None:
    row = {"Size (cm)": " 20.5", "count": "3", "color": "red", "shop": "b", "sold": "2026-01-02"}

    assert TWO.parse_text({**row, "size": "small", "is_new": None}) == EXAMPLE
    assert TWO.parse_values({"size": 1, "customer": 17}) == Features(size=1)


@pytest.mark.parametrize("cell", ["", " ", "NA", "nan", "null"])
def test_a_cell_may_mean_a_missing_value(cell: str) -> None:
    assert vars(TWO.parse_text({"size": "1", "shop": cell, "count": cell}))["shop"] is None
    assert THREE.parse_target({"class": cell}) is None
    with pytest.raises(ValidationError):
        TWO.parse_text({"size": cell})


@pytest.mark.parametrize(
    "change",
    [
        {"size": "1"}, {"size": True}, {"size": -1}, {"size": float("nan")}, {"size": None},
        {"count": 1.5}, {"color": "blue"}, {"is_new": 1}, {"sold": "soon"}, {"sizes": 1},
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Features.model_validate({"size": 1} | change)


def test_training_and_prediction_get_the_same_columns() -> None:
    columns = TWO.to_columns([EXAMPLE, Features(size=1)])

    assert {name: array.shape for name, array in columns.items()} == dict.fromkeys(
        TWO.names, (2, 1)
    )
    assert columns["sold"].dtype == columns["is_new"].dtype == np.float32
    assert columns["sold"][0] == (date(2026, 1, 2) - date(1970, 1, 1)).days
    assert np.isnan(columns["count"][1])
    assert columns["shop"].tolist() == [["b"], [""]]
