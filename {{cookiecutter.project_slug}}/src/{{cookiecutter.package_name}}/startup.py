"""What every command does first: `--version`, the settings, the logs."""

from typing import Annotated

import typer

from {{ cookiecutter.package_name }} import __version__, logs
from {{ cookiecutter.package_name }}.environment import SettingsError
from {{ cookiecutter.package_name }}.settings import Settings


def new_app(help_text: str) -> typer.Typer:
    """Make the command line that `cli.py` adds its commands to."""
    app = typer.Typer(
        help=help_text,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def main(
        *,
        version: Annotated[
            bool,
            typer.Option(
                "--version", callback=_show_version, is_eager=True, help="Show the version."
            ),
        ] = False,
    ) -> None:
        """Take the options that stand before a command."""

    return app


def start() -> Settings:
    """Read the settings and set the logs up; end with status 2 where a setting is wrong."""
    try:
        settings = Settings.load()
    except SettingsError as error:
        typer.echo(error, err=True)
        raise typer.Exit(2) from None
    logs.configure(settings.log_level, settings.log_format)
    return settings


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer passes the option's value
    if wanted:
        typer.echo(__version__)
        raise typer.Exit
