"""The command line of the service."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
{%- if cookiecutter.application == "model-api" %}
from typing import Annotated, Any
{%- else %}
from typing import Annotated
{%- endif %}

import typer
from pydantic_settings import SettingsError

from {{ cookiecutter.package_name }}.settings import PREFIX, Settings, load

app = typer.Typer(
    help="Serve the API. All settings come from the environment: see .env.example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@contextmanager
def reported_settings() -> Iterator[Settings]:
    """Load the settings; if they are invalid, say what is wrong and exit with status 2."""
    try:
        yield load()
    except SettingsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None


@app.command()
def serve(
    *, reload: Annotated[bool, typer.Option("--reload", help="Restart when code changes.")] = False
) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    import uvicorn  # noqa: PLC0415 - the health check, which runs often, is faster without

    from {{ cookiecutter.package_name }} import logs  # noqa: PLC0415 - as above

    with reported_settings() as settings:
        logs.configure(settings.log_level, settings.log_format)
        if reload:  # A breakpoint may stop a request for hours.
            os.environ[f"{PREFIX}REQUEST_TIMEOUT_SECONDS"] = "86400"
            os.environ[f"{PREFIX}SHUTDOWN_GRACE_SECONDS"] = "86401"
        # After it has stopped, Uvicorn raises the signal again: exit with 0.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        uvicorn.run(
            "{{ cookiecutter.package_name }}.app:create_app",
            factory=True,
            reload=reload,
            reload_dirs=[str(Path(__file__).parent)] if reload else None,
            host=settings.host,
            port=settings.port,
            http="h11",  # With httptools, a request that offers HTTP/2 loses its body.
            workers=1,  # To scale, run more containers.
            root_path=settings.root_path,
            log_config=None,
            access_log=False,
            server_header=False,
            headers=[("x-content-type-options", "nosniff")],
            forwarded_allow_ips=[str(each) for each in settings.trusted_proxies],
            timeout_keep_alive=settings.keep_alive_seconds,
            timeout_graceful_shutdown=1 if reload else settings.shutdown_grace_seconds,
        )


@app.command()
def healthcheck() -> None:
    """Exit with status 0 if the service on this machine is ready."""
    with reported_settings() as settings:
        connection = HTTPConnection(settings.host, settings.port, timeout=4)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
    except (OSError, HTTPException) as error:
        sys.exit(f"Not ready: {error}")
    if response.status != HTTPStatus.OK:
        sys.exit(f"Not ready: {response.read().decode()}")