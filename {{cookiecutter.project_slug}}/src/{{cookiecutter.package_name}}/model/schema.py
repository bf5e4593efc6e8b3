"""The features that the model takes and the target that it predicts."""

from typing import Literal

from pydantic import BaseModel, Field

from {{ cookiecutter.package_name }}.model.features import FeatureModel, Schema


class Features(FeatureModel):
    """A penguin, as measured in the field."""

    island: Literal["Biscoe", "Dream", "Torgersen"]
    sex: Literal["female", "male"] | None = None
    bill_length_mm: float | None = Field(default=None, ge=20, le=80, description="Bill length (mm)")
    bill_depth_mm: float | None = Field(default=None, ge=5, le=30, description="Bill depth (mm)")
    flipper_length_mm: int | None = Field(default=None, ge=100, le=300, description="Flipper (mm)")
    body_mass_g: int | None = Field(default=None, ge=1000, le=9000, description="Body mass (g)")


class Target(BaseModel):
    """The penguin's species."""

    species: Literal["Adelie", "Chinstrap", "Gentoo"]


EXAMPLE = Features(
    island="Torgersen",
    sex="male",
    bill_length_mm=39.1,
    bill_depth_mm=18.7,
    flipper_length_mm=181,
    body_mass_g=3750,
)

SCHEMA = Schema(Features, Target, EXAMPLE)
