"""The command line: serve the model, predict for files, and describe the model."""

import json
import os
import signal
import sys
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic_settings import SettingsError

from {{ cookiecutter.package_name }} import logs
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings, load

if TYPE_CHECKING:
    from {{ cookiecutter.package_name }}.model.predictor import Predictor

app = typer.Typer(
    help="Serve the model. All settings come from the environment: see .env.example.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def load_settings() -> Settings:
    """Load the settings, or exit with status 2 and say what is wrong with them."""
    try:
        return load()
    except SettingsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None


@app.command()
def serve(
    *, reload: Annotated[bool, typer.Option("--reload", help="Restart when code changes.")] = False
) -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    import uvicorn  # noqa: PLC0415 - the other commands do without

    settings = load_settings()
    logs.configure(settings.log_level, settings.log_format)
    if reload:  # A breakpoint may take any time.
        os.environ |= {
            f"{PREFIX}REQUEST_TIMEOUT_SECONDS": "86400",
            f"{PREFIX}SHUTDOWN_GRACE_SECONDS": "86401",
        }
    # Uvicorn raises the signal again when it has stopped: then exit with 0.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvicorn.run(
        "{{ cookiecutter.package_name }}.app:create_app",
        factory=True,
        reload=reload,
        host=settings.host,
        port=settings.port,
        http="h11",
        root_path=settings.root_path,
        log_config=None,
        access_log=False,
        server_header=False,
        headers=[
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "frame-ancestors 'none'"),
        ],
        forwarded_allow_ips=settings.trusted_proxies,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=1 if reload else settings.shutdown_grace_seconds,
    )


@app.command()
def healthcheck() -> None:
    """Exit with status 0 if the service on this machine is ready."""
    settings = load_settings()
    connection = HTTPConnection(settings.host, settings.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        response = connection.getresponse()
    except OSError as error:
        sys.exit(f"Not ready: {error}")
    if response.status != HTTPStatus.OK:
        sys.exit(f"Not ready: {response.read().decode()}")


@app.command()
def model() -> None:
    """Describe the model, or exit with status 1 and say why it cannot be served."""
    predictor = load_model(load_settings())
    typer.echo(json.dumps(asdict(predictor.info), indent=2))


@app.command()
def predict(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="CSV with a header, JSON Lines or Parquet.")
    ],
    target: Annotated[
        Path, typer.Option("--output", help="A file of the same format, which is overwritten.")
    ],
) -> None:
    """Write the rows of FILE with their predictions to another file.

    Exit with status 1 if FILE or the model is invalid. Then there is no output.
    """
    # These are imported here because the other commands do without.
    from {{ cookiecutter.package_name }}.model import batch  # noqa: PLC0415
    from {{ cookiecutter.package_name }}.model.schema import SCHEMA  # noqa: PLC0415

    predictor = load_model(load_settings())
    try:
        rows = batch.predict_file(SCHEMA, predictor, source, target)
    except (batch.FileError, OSError) as error:
        sys.exit(str(error))
    typer.echo(f"Wrote {rows} rows to {target}, predicted by model {predictor.info.version}.")


def load_model(settings: Settings) -> "Predictor":
    """Load the model, or exit with status 1 and say what is wrong with it."""
    from {{ cookiecutter.package_name }}.model.predictor import (  # noqa: PLC0415
        ModelError,
        load_predictor,
    )
    from {{ cookiecutter.package_name }}.model.schema import SCHEMA  # noqa: PLC0415

    try:
        return load_predictor(SCHEMA, settings.model_path, threads=settings.onnx_threads)
    except ModelError as error:
        sys.exit(f"The model cannot be served: {error}")