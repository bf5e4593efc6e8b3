"""All settings, read from the environment, `.env` and mounted secrets, in that order."""

import os
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import PositiveInt, ValidationError
from pydantic_settings import BaseSettings

PREFIX = "{{ cookiecutter.__env_prefix }}"
SECRETS_DIR = Path(os.environ.get("SECRETS_DIR", "/run/secrets"))


class SettingsError(Exception):
    """Each argument describes one setting that is wrong, without its value."""


class Settings(
    BaseSettings,
    env_prefix=PREFIX,
    env_nested_delimiter="__",
    env_file=".env",
    dotenv_filtering="only_existing",
    secrets_dir=SECRETS_DIR if SECRETS_DIR.is_dir() else None,
    extra="forbid",
):
    """Each field is set by an environment variable: {{ cookiecutter.__env_prefix }} and its name in capitals."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
    max_errors: PositiveInt = 20
    """How many invalid rows are reported before the job stops."""


def load() -> Settings:
    """Load the settings, or raise a `SettingsError` that lists every problem but no value."""
    known = tuple(f"{PREFIX}{name}".upper() for name in Settings.model_fields)
    names = {name.upper() for name in (*os.environ, *dotenv_values(".env"))}
    ours = sorted(name for name in names if name.startswith(PREFIX))
    problems = [f"{name} is not a setting" for name in ours if not name.startswith(known)]
    settings = None
    try:
        settings = Settings()
    except ValidationError as error:
        for detail in error.errors():
            name = "__".join(map(str, detail["loc"])).upper()
            problems.append(f"{PREFIX}{name}: {detail['msg']}")
    if problems or not settings:
        raise SettingsError(*problems)
    return settings
