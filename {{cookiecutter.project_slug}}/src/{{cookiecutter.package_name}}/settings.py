"""All settings, read from the environment, `.env` and secret files, in this order."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from io import StringIO
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, {% if cookiecutter.__kind == "service" %}Self, {% endif %}Union, get_args, get_origin

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
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NestedSecretsSettingsSource, SettingsError

PREFIX = "{{ cookiecutter.__env_prefix }}"
MAX_DEPTH = 6  # How deeply nested settings are known: a type may contain itself.
SECRETS_DIR = Path(os.environ.get(f"{PREFIX}SECRETS_DIR", "/run/secrets"))


class SecretFiles(NestedSecretsSettingsSource):
    """A source that reads secret files and ignores other files, such as a keystore."""

    @classmethod
    def load_secrets(cls, path: Path) -> dict[str, str]:
        """Return the content of each file by its name, such as `database__password`."""
        files = path.iterdir() if path.is_dir() else ()
        return {it.name: it.read_text("utf-8").strip() for it in files if is_setting(it.name)}


# https://docs.pydantic.dev/latest/concepts/pydantic_settings/
class Settings(
    BaseSettings,
    env_prefix=PREFIX,
    env_nested_delimiter="__",
    env_file=".env",
    dotenv_filtering="only_existing",
    hide_input_in_errors=True,
):
    """Each field is set by an environment variable; .env.example lists and explains them."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "console", "json"] = "auto"
{%- include cookiecutter.__kind ~ "/settings.py" %}

    @classmethod
    def settings_customise_sources(cls, *_args: Any, **sources: Any) -> tuple[Any, ...]:
        """Read nested settings from secret files, too."""
        nested = SecretFiles(sources["file_secret_settings"], SECRETS_DIR, secrets_dir_missing="ok")
        return (*sources.values(), nested)


def load() -> Settings:
    """Load the settings, or raise a `SettingsError` that lists all problems but no values."""
    problems: list[str] = []
    try:
        problems += _check_sources()
        settings = Settings()
        if not problems:
            return settings
    except ValidationError as error:
        problems += [_describe(detail) for detail in error.errors()]
    except SettingsError as error:
        if found := re.search(r'field "(\w+)"', str(error)):
            field = Settings.model_fields[found[1]]
            names = _names(found[1], field, PREFIX)
            names += [f"{it}__*" for it in names if any(_parts(field.annotation, it))]
            problems.append(f"{' or '.join(names)}: Input should be valid JSON")
        else:  # Such as a folder of secrets that is too large.
            problems.append(str(error))
    except UnicodeDecodeError:
        problems.append(f".env or a file in {SECRETS_DIR} is not UTF-8 text")
    except OSError as error:
        path = str(error.filename).replace(str(SECRETS_DIR), "secrets")
        user = os.getuid() if hasattr(os, "getuid") else "USER"
        fix = f"; run: sudo chown {user} {path}" if isinstance(error, PermissionError) else ""
        problems.append(f"{error.filename}: {error.strerror}{fix}")
    raise SettingsError("\n  ".join(["Invalid settings:", *problems]))


def variables(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Yield the variables that set the fields of a model, with `__*` for arbitrary keys."""
    for field_name, field in model.model_fields.items():
        for name in _names(field_name, field, prefix):
            yield from (name, *_parts(field.annotation, f"{name}__"))


def _parts(kind: Any, prefix: str) -> Iterator[str]:
    """Yield the variables that set parts of a value of a type, with `*` for arbitrary keys."""
    kind = getattr(kind, "__value__", kind)  # What `type Name = ...` stands for.
    base = get_origin(kind) or kind
    members = get_args(kind) if base in (Annotated, Union, UnionType) else ()
    yield from (name for member in members for name in _parts(member, prefix))
    is_class = isinstance(base, type)
    if is_class and issubclass(base, BaseModel) and prefix.count("__") < MAX_DEPTH:
        yield from variables(base, prefix)
    extra = getattr(base, "model_config", {}).get("extra")
    is_open = is_class and (issubclass(base, Mapping) or is_dataclass(base) or extra == "allow")
    yield from [f"{prefix}*"] if is_open else []


def _names(field_name: str, field: FieldInfo, prefix: str) -> list[str]:
    """Return the variables that set a field, one for each alias; aliases have no prefix."""
    alias = field.validation_alias
    start = "" if alias and prefix == PREFIX else prefix
    choices = getattr(alias, "choices", [alias or field_name])
    # The first part of an AliasPath is the variable.
    return [f"{start}{getattr(each, 'path', [each])[0]}".upper() for each in choices]


def is_setting(name: str) -> bool:
    """Return whether a variable or a file sets a field of the settings."""
    return any(fnmatchcase(name.upper(), known) for known in variables(Settings, PREFIX))


def _check_sources() -> list[str]:
    """Describe invalid lines of `.env`, and names with the prefix that are not settings."""
    known = [*variables(Settings, PREFIX)]
    similar = {it.removeprefix(PREFIX): it for it in known if not it.endswith("*")}
    env_file = Path(".env")
    secrets = SECRETS_DIR.iterdir() if SECRETS_DIR.is_dir() else []
    lines = [*parse_stream(StringIO(env_file.read_text("utf-8")))] if env_file.is_file() else []
    invalid = [it.original.line for it in lines if it.error or (it.key and it.value is None)]
    problems = [f".env: line {number} is not NAME=VALUE" for number in invalid]
    environment = os.environ.keys() - {f"{PREFIX}SECRETS_DIR"}
    names = (*environment, *(it.key for it in lines), *(it.name for it in secrets))
    for name in sorted({name.upper() for name in names if name}):
        if name.startswith(PREFIX) and not is_setting(name):
            found = get_close_matches(name.removeprefix(PREFIX), similar, 1)
            hint = f"; did you mean {similar[found[0]]}?" if found else ""
            problems.append(f"{name} is not a setting{hint}")
    return problems


def _describe(detail: ErrorDetails) -> str:
    """Describe an invalid or a missing setting, by the variable that sets it."""
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "union_tag_invalid":  # The message would repeat the value.
        message = f"Input should have one of the tags {detail['ctx']['expected_tags']}"
    path = [*map(str, detail["loc"])]
    prefix = PREFIX if path and path[0] in Settings.model_fields else ""
    # The path may contain the tag of a union.
    paths = [path, *(path[:n] + path[n + 1 :] for n in range(1, len(path)))]
    names = [f"{prefix}{'__'.join(each)}".upper() for each in paths]
    return f"{next(filter(is_setting, names), names[0])}: {message}" if path else message
