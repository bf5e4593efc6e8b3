"""Every setting of this application, typed, with its default."""

from typing import Annotated

from pydantic import Field

from {{ cookiecutter.package_name }}.environment import EnvironmentSettings
from {{ cookiecutter.package_name }}.logs import Format, Level


class Settings(EnvironmentSettings):
    """The settings; the variable of each is its name in capitals, after `environment.PREFIX`."""

    log_level: Level = "info"
    """The lowest level that is logged."""
    log_format: Format = "auto"
    """`console` for people, `json` for machines, `auto` for whichever reads."""
    max_errors: Annotated[int, Field(ge=1)] = 20
    """How many wrong rows are reported before the job gives up."""
