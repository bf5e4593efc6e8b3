"""The settings of every API."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from {{ cookiecutter.package_name }}.environment import EnvironmentSettings
from {{ cookiecutter.package_name }}.logs import Format, Level

type Seconds = Annotated[float, Field(gt=0, le=3600)]


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
    workers: Annotated[int, Field(ge=1, le=64)] = 1
    """How many processes serve; more than one need a folder for temporary files."""
    docs: bool = True
    """Whether `/docs` and `/openapi.json` are served."""
    traces: bool = False
    """Whether traces are sent to where `OTEL_EXPORTER_OTLP_ENDPOINT` says."""

    grace_seconds: Annotated[int, Field(ge=0, le=3600)] = 20
    """How long the service may take to stop after SIGTERM, open requests included."""
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """How much of it passes before new connections are refused; `/readyz` is 503 at once."""

    request_seconds: Seconds = 30
    """How long a request may take; a longer one is answered 504."""
    header_seconds: Seconds = 10
    """How long headers may take to arrive, a refused body to end, and an answer to be read."""
    keep_alive_seconds: Seconds = 75
    """How long a connection stays open for the next request; longer than a proxy keeps it."""
    max_in_flight: Annotated[int, Field(ge=1)] = 256
    """How many requests are served at once; one more is answered 503."""
    max_body_bytes: Annotated[int, Field(ge=1)] = 8_000_000
    """How large the body of a request may be; a larger one is answered 413."""
    max_header_bytes: Annotated[int, Field(ge=1024)] = 32_768
    """How large the headers of a request may be; larger ones are answered 431."""

    trusted_hosts: tuple[str, ...] = ("*",)
    """The host names that the service answers to; `*` for every one."""
    trusted_proxies: tuple[str, ...] = ()
    """The addresses whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."""
    cors_origins: tuple[str, ...] = ()
    """The origins whose pages may ask from a browser, such as `https://shop.example`."""

    @field_validator("drain_seconds")
    @classmethod
    def _within_the_grace(cls, seconds: int, info: ValidationInfo) -> int:
        if seconds and seconds >= info.data.get("grace_seconds", seconds + 1):
            raise ValueError("It must be less than GRACE_SECONDS, of which it is a part.")
        return seconds
