"""Every setting of this application, typed, with its default."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from {{ cookiecutter.package_name }}.api.settings import ApiSettings


class Settings(ApiSettings):
    """The settings of the API, and the model's."""

    model_path: Annotated[Path | None, BeforeValidator(lambda path: path or None)] = None
    """The ONNX file of the model; the packaged one where it is empty."""
    max_instances: Annotated[int, Field(ge=1)] = 10_000
    """How many instances one request may hold."""
    inference_threads: Annotated[int, Field(ge=1, le=256)] = 2
    """How many requests are predicted at once; the others wait."""
    onnx_threads: Annotated[int, Field(ge=1, le=256)] = 1
    """How many threads ONNX Runtime uses within one prediction."""
