"""All settings, read from the environment, `.env` and secret files, in this order."""

import os
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Self, get_args

from dotenv import dotenv_values
from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, ValidationError, model_validator
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
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    root_path: str = Field(default="", pattern=r"^(/[\w.~-]+)*$")
    docs: bool = True
    cors_origins: list[str] = []
    trusted_proxies: list[str] = []
    keep_alive_seconds: PositiveInt = 75
    request_timeout_seconds: PositiveFloat = 30
    shutdown_grace_seconds: PositiveInt = 40
    max_concurrent_requests: PositiveInt = 32
    max_body_bytes: PositiveInt = 8_000_000
{%- if cookiecutter.application == "model-api" %}
{% include "model-api/settings.py" %}
{%- endif %}

    @model_validator(mode="after")
    def _require_grace_for_requests(self) -> Self:
        """Refuse a grace period in which an accepted request could not finish."""
        if self.shutdown_grace_seconds <= self.request_timeout_seconds:
            raise ValueError(f"{PREFIX}SHUTDOWN_GRACE_SECONDS must exceed REQUEST_TIMEOUT_SECONDS")
        return self

    @classmethod
    def settings_customise_sources(cls, *_args: Any, **sources: Any) -> tuple[Any, ...]:
        """Read nested settings from secret files, too: `database__password`."""
        secrets = NestedSecretsSettingsSource(sources["file_secret_settings"])
        names = ("init_settings", "env_settings", "dotenv_settings")
        return (*(sources[name] for name in names), secrets)
