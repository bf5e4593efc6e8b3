"""The settings of every API."""

from typing import Annotated

from pydantic import Field

from {{ cookiecutter.package_name }}.environment import EnvironmentSettings
from {{ cookiecutter.package_name }}.logs import Format, Level


class ApiSettings(EnvironmentSettings):
    """The settings; the variable of each is its name in capitals, after `environment.PREFIX`."""

    log_level: Level = "info"
    """The lowest level that is logged."""
    log_format: Format = "auto"
    """`console` for people, `json` for machines, `auto` for whichever reads."""
    host: str = "127.0.0.1"
    """The address to listen on; the image sets `0.0.0.0`."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8000
    """The TCP port to listen on."""
    grace_seconds: Annotated[int, Field(ge=0, le=3600)] = 20
    """How long open requests may take to finish after SIGTERM, in seconds."""
    docs: bool = True
    """Whether `/docs` and `/openapi.json` are served."""
    max_body_bytes: Annotated[int, Field(ge=1)] = 8_000_000
    """How large the body of a request may be; a larger one is answered 413."""
