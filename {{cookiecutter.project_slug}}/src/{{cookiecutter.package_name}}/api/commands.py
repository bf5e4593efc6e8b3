"""The commands of every API: `serve` and `probe`."""

import typer

from {{ cookiecutter.package_name }}.startup import start


def install(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command()(serve)
    app.command()(probe)


def serve() -> None:
    """Serve the API until SIGTERM or Ctrl-C."""
    from {{ cookiecutter.package_name }}.api import server  # noqa: PLC0415 - keeps `--help` quick

    server.serve(start())


def probe() -> None:
    """Ask the running service whether it is ready; the image's health check."""
    from {{ cookiecutter.package_name }}.api import probe as api  # noqa: PLC0415 - keeps `--help` quick

    answer = api.ask(start())
    typer.echo(answer.text)
    raise typer.Exit(0 if answer.ready else 1)
