"""All settings, read from the environment, `.env` and secret files, in this order."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, get_args

from dotenv import dotenv_values
from pydantic import BaseModel, PositiveInt, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, SettingsError

from {{ cookiecutter.package_name }}.logs import Format, Level

PREFIX = "{{ cookiecutter.__env_prefix }}"
SECRETS_DIR = Path(os.environ.get(f"{PREFIX}SECRETS_DIR", "/run/secrets"))


# https://docs.pydantic.dev/latest/concepts/pydantic_settings/
class Settings(
    BaseSettings,
    env_prefix=PREFIX,
    env_nested_delimiter="__",
    env_file=".env",
    dotenv_filtering="only_existing",
    secrets_dir=SECRETS_DIR,
    secrets_dir_missing="ok",
    hide_input_in_errors=True,
):
    """Each field is set by the variable of its name; .env.example lists and explains them."""

    log_level: Level = "info"
    log_format: Format = "auto"
    max_errors: PositiveInt = 20

    @classmethod
    def settings_customise_sources(cls, *_args: Any, **sources: Any) -> tuple[Any, ...]:
        """Read nested settings from secret files, too: `database__password`."""
        secrets = NestedSecretsSettingsSource(sources.pop("file_secret_settings"))
        return (*sources.values(), secrets)
