"""Where settings come from, and what is said when one of them is wrong.

The first source that names a setting wins: the environment, then `.env`, then a file of the
setting's name in the secrets folder, then the default.
"""

import os
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableError

PREFIX = "{{ cookiecutter.__env_prefix }}"
SECRETS = Path(os.environ.get(f"{PREFIX}SECRETS_DIR", "/run/secrets"))


class SettingsError(Exception):
    """A setting that is unknown or has a value of the wrong kind."""


class EnvironmentSettings(BaseSettings):
    """The base of `Settings`: reads every field from the sources above."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        dotenv_filtering="match_prefix",
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
        extra="forbid",
        frozen=True,
    )

    @classmethod
    def load(cls) -> Self:
        """Read all settings.

        Raises:
            SettingsError: names every variable that is wrong. Values are never repeated in it,
                because any of them may be a secret.
        """
        problems, settings = cls._unknown(), None
        try:
            settings = cls()
        except ValidationError as error:
            for detail in error.errors(include_input=False, include_url=False):
                loc = ".".join(str(part) for part in detail["loc"]).upper()
                name = PREFIX + loc.removeprefix(PREFIX)
                unknown = detail["type"] == "extra_forbidden"
                problems.append(cls._no_such(name) if unknown else f"{name}: {detail['msg']}")
        except UnreadableError as error:
            problems.append(_unreadable(error))
        except OSError as error:
            problems.append(f"{error.filename}: {error.strerror}.")
        if problems or settings is None:
            lines = [f"  {line}" for line in dict.fromkeys(problems)]
            raise SettingsError("\n".join(["Wrong settings:", *lines]))
        return settings

    @classmethod
    def _unknown(cls) -> list[str]:
        """One line for each variable with this application's prefix that is no setting."""
        known = {*cls._known(), f"{PREFIX}SECRETS_DIR"}
        names = (name for name in sorted(os.environ) if name.upper().startswith(PREFIX))
        return [cls._no_such(name) for name in names if name.upper() not in known]

    @classmethod
    def _no_such(cls, name: str) -> str:
        meant = get_close_matches(name.upper(), cls._known(), n=1)
        hint = f" Did you mean {meant[0]}?" if meant else ""
        return f"{name}: There is no such setting.{hint}"

    @classmethod
    def _known(cls) -> list[str]:
        return [PREFIX + name.upper() for name in cls.model_fields]


def _unreadable(error: UnreadableError) -> str:
    """One line for a value that cannot be read; the error's message names its field."""
    field = re.search(r'field "(\w+)"', str(error))
    name = PREFIX + field[1].upper() if field else str(error)
    cause = error.__cause__
    if isinstance(cause, OSError):
        return f"{name}: {cause.filename}: {cause.strerror}."
    if isinstance(cause, UnicodeDecodeError):
        return f"{name}: The value is not UTF-8."
    return f"{name}: The value is not JSON."
