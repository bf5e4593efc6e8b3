"""Read a schema, and convert instances to the arrays that the model takes."""

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, Self, Union, get_args, get_origin

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

type Kind = Literal["number", "boolean", "date", "category", "text"]
type Columns = dict[str, NDArray[Any]]

MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "null", "NULL", "None"})
"""The cells of a CSV file that mean a missing value."""

KINDS: dict[Any, Kind] = {
    float: "number",
    int: "number",
    bool: "boolean",
    date: "date",
    str: "text",
}
EPOCH = date(1970, 1, 1).toordinal()
ONNX_OUTPUTS = {"label", "probabilities", "variable"}
"""The names that skl2onnx gives to outputs; no input can have one of them."""


class SchemaError(Exception):
    """The schema declares something that a model cannot take or predict."""


class RangeError(ValueError):
    """A number is too large for float32, which the model takes."""


class FeatureModel(BaseModel):
    """Base class of `Features`: strict types, and no undeclared fields."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        str_strip_whitespace=True,
        validate_by_name=True,
        validate_by_alias=True,
        protected_namespaces=(),
    )


def refuse_number(value: Any) -> Any:
    """Refuse numbers, which Pydantic would take for seconds since 1970."""
    if isinstance(value, date) or (isinstance(value, str) and "-" in value[1:]):
        return value
    raise PydanticCustomError("date_type", "Input should be a date such as 2026-01-31")


Date = Annotated[date, Field(strict=False), BeforeValidator(refuse_number)]
"""A date, which is a string in JSON: `2026-01-31`."""


@dataclass(frozen=True)
class Feature:
    """A feature: a column of the training data and an input of the ONNX model."""

    name: str
    column: str
    """The name in files and requests: the field's `validation_alias` if it has one."""
    kind: Kind
    optional: bool
    categories: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the model takes this feature as text and not as a number."""
        return self.kind in {"category", "text"}

    @classmethod
    def from_field(cls, name: str, field: FieldInfo) -> Self:
        """Describe a field of a Pydantic model."""
        annotation, optional = field.annotation, False
        if get_origin(annotation) in {Union, types.UnionType}:
            members = [arg for arg in get_args(annotation) if arg is not types.NoneType]
            annotation, optional = (members[0] if len(members) == 1 else None), True
        while hasattr(annotation, "__metadata__"):  # Annotated[float, ...] | None
            annotation = get_args(annotation)[0]
        column = field.validation_alias or name
        if not isinstance(column, str):
            raise SchemaError(f"{name}: a validation_alias must be one string, the column's name.")
        if get_origin(annotation) is Literal:
            categories = get_args(annotation)
            if all(isinstance(each, str) and each not in MISSING for each in categories):
                return cls(name, column, "category", optional, categories)
        elif annotation in KINDS:
            return cls(name, column, KINDS[annotation], optional)
        raise SchemaError(
            f"{name}: a field cannot be {field.annotation}. Use float, int, bool, date, str or a "
            "Literal of strings that do not mean a missing value, each optionally with `| None`."
        )


class Schema:
    """The features and the target, as declared in `schema.py`."""

    def __init__(
        self, features: type[FeatureModel], target: type[BaseModel], example: FeatureModel
    ) -> None:
        """Read the models.

        Raises:
            SchemaError: they declare something that a model cannot take or predict.
        """
        self.features_model, self.target_model, self.example = features, target, example
        self.features = tuple(Feature.from_field(*each) for each in features.model_fields.items())
        self.names = tuple(feature.name for feature in self.features)
        for name in self.names:
            if name in ONNX_OUTPUTS or "__" in name:
                raise SchemaError(f"{name}: rename it, and give its column as `validation_alias`.")
        if len(target.model_fields) != 1:
            raise SchemaError("The target must have exactly one field.")
        self.target = Feature.from_field(*next(iter(target.model_fields.items())))
        self.labels = self.target.categories
        """The labels of a classifier; empty for a regression."""
        if self.target.optional or not (self.labels or self.target.kind == "number"):
            raise SchemaError(f"{self.target.name}: the target must be a Literal or a float.")
        self.columns = {each.column: each.name for each in self.features}
        outputs = {"prediction", *(f"probability_{label}" for label in self.labels)}
        if taken := outputs & self.columns.keys():
            raise SchemaError(f"{min(taken)}: predictions in files have this name; rename it.")
        try:  # FastAPI validates JSON, in which a date is a string.
            features.model_validate(self.example_json())
        except ValidationError as error:
            raise SchemaError(
                f"The API would refuse the example: {error}. The type of a date is `Date`."
            ) from error

    def example_json(self) -> dict[str, Any]:
        """Return the example as it is in a request."""
        values = self.example.model_dump(mode="json")
        return {feature.column: values[feature.name] for feature in self.features}

    def _keys(self, row: Mapping[str, Any]) -> list[str]:
        """Return the key of each feature in a row: its column, or else its name."""
        return [column if column in row else name for column, name in self.columns.items()]

    def parse_text(self, row: Mapping[str, str | None]) -> FeatureModel:
        """Create an instance from a row of a CSV file. Ignore columns that are not features."""
        return self.features_model.model_validate_strings(present_cells(row, self._keys(row)))

    def parse_values(self, row: Mapping[str, Any]) -> FeatureModel:
        """Create an instance from a row of values. Ignore values that are not features."""
        known = {key: row[key] for key in self._keys(row) if key in row}
        return self.features_model.model_validate(whole_to_integer(known))

    def parse_target(self, row: Mapping[str, str | None]) -> Any:
        """Return the target in a row of a CSV file, or None if it is missing."""
        present = present_cells(row, [self.target.column])
        if not present and self.target.column in row:
            return None
        target = self.target_model.model_validate_strings(present)
        return getattr(target, self.target.name)

    def to_columns(self, instances: Sequence[BaseModel]) -> Columns:
        """Return one array of shape (n, 1) for each feature, for training and prediction alike.

        Numbers, booleans and dates (days since 1970) are float32; missing ones are NaN. Missing
        strings are empty, because ONNX has no missing strings.

        Raises:
            RangeError: a number is too large for float32.
        """
        rows = [vars(instance) for instance in instances]
        columns: Columns = {}
        with np.errstate(over="raise"):
            for feature in self.features:
                values = [row[feature.name] for row in rows]
                if feature.is_text:
                    values = [value or "" for value in values]
                elif feature.kind == "date":
                    values = [value and value.toordinal() - EPOCH for value in values]
                try:
                    array = np.array(values, object if feature.is_text else np.float32)
                except ArithmeticError as error:
                    reason = f"cannot take a value of {feature.column}: it is too large."
                    raise RangeError(reason) from error
                columns[feature.name] = array.reshape(-1, 1)
        return columns


def whole_to_integer(row: dict[str, Any]) -> dict[str, Any]:
    """Replace numbers such as 181.0, which are integers in JSON Schema, and return the row."""
    for name, value in row.items():
        if type(value) is float and value.is_integer():
            row[name] = int(value)
    return row


def present_cells(row: Mapping[str, str | None], keys: Iterable[str]) -> dict[str, str]:
    """Return the cells that are not missing."""
    return {key: cell for key in keys if (cell := (row.get(key) or "").strip()) not in MISSING}
