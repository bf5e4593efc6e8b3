"""All settings, read from the environment, `.env` and secret files, in this order."""

import os
import re
from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from io import StringIO
from pathlib import Path
from typing import Any, Literal, {% if cookiecutter.__kind == "service" %}Self, {% endif %}get_args, get_origin

from dotenv.parser import parse_stream
{%- if cookiecutter.__kind == "job" %}
from pydantic import BaseModel, PositiveInt, ValidationError
{%- else %}
from pydantic import (
    BaseModel,
    Field,
    IPvAnyNetwork,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)
{%- endif %}
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, SettingsError

PREFIX = "{{ cookiecutter.__env_prefix }}"
SECRETS_DIR = Path(os.environ.get(f"{PREFIX}SECRETS_DIR", "/run/secrets"))


class SecretFiles(NestedSecretsSettingsSource):
    """The secret files that are settings; others, such as a keystore, may lie beside them."""

    @classmethod
    def load_secrets(cls, path: Path) -> dict[str, str]:
        """Return the content of each file by its name, such as `database__password`."""
        files = [file for file in path.glob("*") if is_setting(file.name)]
        return {file.name: file.read_text("utf-8").strip() for file in files}


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

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
{%- include cookiecutter.__kind ~ "/settings.py" %}

    @classmethod
    def settings_customise_sources(cls, *_args: Any, **sources: Any) -> tuple[Any, ...]:
        """Read nested settings from secret files, too."""
        secrets = SecretFiles(sources.pop("file_secret_settings"))
        return (*sources.values(), secrets)


def load() -> Settings:
    """Load the settings, or raise a `SettingsError` that lists every problem but no value."""
    problems: list[str] = []
    settings = None
    try:
        problems += _check_sources()
        settings = Settings()
    except ValidationError as error:
        problems += [_describe(detail) for detail in error.errors()]
    except SettingsError as error:
        name = "".join(re.findall(r'field "(\w+)"', str(error))).upper()
        problems.append(f"{PREFIX}{name}: Input should be valid JSON")
    except UnicodeDecodeError:
        problems.append(f".env or a file in {SECRETS_DIR} is not UTF-8 text")
    except OSError as error:
        path = str(error.filename).replace(str(SECRETS_DIR), "secrets")
        user = os.getuid() if hasattr(os, "getuid") else "USER"
        problems.append(f"{error.filename}: {error.strerror}; run: sudo chown {user} {path}")
    if problems or settings is None:
        raise SettingsError("\n  ".join(["Invalid settings:", *problems]))
    return settings


def variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the variables that set the fields of a model, with `__*` for fields that take any."""
    for field_name, field in model.model_fields.items():
        alias = field.validation_alias
        for each in getattr(alias, "choices", [alias or field_name]):
            own_name = getattr(each, "path", [each])[0]  # That of an AliasPath is its first part.
            # The alias of a setting has no prefix.
            name = f"{'' if alias and prefix == PREFIX else prefix}{own_name}".upper()
            parts = () if get_origin(field.annotation) is dict else get_args(field.annotation)
            types = [it for it in (field.annotation, *parts) if isinstance(it, type)]
            kinds = [kind for kind in types if issubclass(kind, BaseModel)]
            yield from (name, *([] if kinds else [f"{name}__*"]))
            for kind in kinds:
                yield from variables(kind, f"{name}__")


def is_setting(name: str) -> bool:
    """Return whether a variable or a file sets a field of the settings."""
    return any(fnmatchcase(name.upper(), known) for known in variables(Settings, PREFIX))


def _check_sources() -> list[str]:
    """Describe invalid lines of `.env`, and what looks like a setting in any source but is none."""
    env_file, known = Path(".env"), [*variables(Settings, PREFIX)]
    lines = [*parse_stream(StringIO(env_file.read_text("utf-8")))] if env_file.is_file() else []
    problems = [f".env: line {it.original.line} is not NAME=VALUE" for it in lines if it.error]
    environment = os.environ.keys() - {f"{PREFIX}SECRETS_DIR"}
    names = (*environment, *(it.key for it in lines), *(it.name for it in SECRETS_DIR.glob("*")))
    for name in sorted({name.upper() for name in names if name}):
        if name.startswith(PREFIX) and not is_setting(name):
            hint = "".join(f"; did you mean {each}?" for each in get_close_matches(name, known, 1))
            problems.append(f"{name} is not a setting{hint}")
    return problems


def _describe(detail: ErrorDetails) -> str:
    """Describe an invalid or a missing setting."""
    name, message = "__".join(map(str, detail["loc"])), detail["msg"].removeprefix("Value error, ")
    prefix = PREFIX if detail["loc"] and detail["loc"][0] in Settings.model_fields else ""
    return f"{prefix}{name}: ".upper() + message if name else message
