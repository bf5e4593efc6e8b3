from datetime import date
from typing import Any, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field, create_model

from my_application.model.features import FeatureModel, Schema, SchemaError


def schema_of(feature: Any, target: Any = float) -> Schema:
    features: Any = create_model("Features", __base__=FeatureModel, feature=(feature, None))
    return Schema(features, create_model("Target", target=(target, ...)), features())


@pytest.mark.parametrize("feature", [list[int], int | float, Literal[1, 2], bytes])
def test_an_unsupported_type_of_a_feature_is_refused(feature: Any) -> None:
    with pytest.raises(SchemaError, match="feature: a field cannot be"):
        schema_of(feature | None)


@pytest.mark.parametrize("target", [str, bool, float | None, Literal["a", "b"] | None], ids=str)
def test_an_unsupported_type_of_the_target_is_refused(target: Any) -> None:
    with pytest.raises(SchemaError, match="target must be a Literal or a float"):
        schema_of(int | None, target)


@pytest.mark.parametrize("name", ["label", "a__b"])
def test_a_name_that_an_exported_model_cannot_have_is_refused(name: str) -> None:
    field: dict[str, Any] = {name: (float, 1.0)}
    features = create_model("Features", __base__=FeatureModel, **field)

    with pytest.raises(SchemaError, match=f"{name}: rename it"):
        Schema(features, create_model("Target", target=(float, ...)), features())


@pytest.mark.parametrize("alias", [AliasChoices("a", "b"), AliasPath("a", 0)], ids=str)
def test_a_feature_that_has_several_columns_is_refused(alias: Any) -> None:
    field: dict[str, Any] = {"a": (float, Field(validation_alias=alias))}
    features = create_model("Features", __base__=FeatureModel, **field)

    with pytest.raises(SchemaError, match="a: a validation_alias must be one string"):
        Schema(features, create_model("Target", target=(float, ...)), features.model_construct())


def test_a_feature_with_the_name_of_an_output_column_is_refused() -> None:
    features = create_model("Features", __base__=FeatureModel, prediction=(float, 1.0))

    with pytest.raises(SchemaError, match="prediction: predictions in files have this name"):
        Schema(features, create_model("Target", target=(float, ...)), features())


def test_a_label_that_means_a_missing_value_is_refused() -> None:
    with pytest.raises(SchemaError, match="strings that do not mean a missing value"):
        schema_of(Literal["NA", "EU"] | None)


def test_a_date_of_a_type_that_the_api_would_refuse_is_refused() -> None:
    class Strict(FeatureModel):
        sold: date

    class Target(BaseModel):
        value: float

    with pytest.raises(SchemaError, match="The type of a date is `Date`"):
        Schema(Strict, Target, Strict(sold=date(2026, 1, 2)))
