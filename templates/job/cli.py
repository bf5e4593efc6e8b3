"""The command line: `{{ cookiecutter.project_slug }} run`."""

from pathlib import Path
from typing import Annotated

import structlog
import typer

from {{ cookiecutter.package_name }} import job
from {{ cookiecutter.package_name }}.files import FileError
from {{ cookiecutter.package_name }}.progress import progress
from {{ cookiecutter.package_name }}.startup import new_app, start

app = new_app("Price orders. Every setting comes from the environment: see .env.example.")


@app.command()
def run(
    source: Annotated[Path, typer.Argument(help="CSV file of orders.", metavar="INPUT")],
    target: Annotated[Path, typer.Argument(help="JSON Lines file to write.", metavar="OUTPUT")],
) -> None:
    """Price every order of INPUT and write the result to OUTPUT.

    OUTPUT appears when all of it is written, or not at all. The exit status is 0 when every order
    is priced, 1 when INPUT or OUTPUT is at fault, and 2 when the command or a setting is wrong.
    """
    settings = start()
    log = structlog.get_logger()
    try:
        with progress("Pricing") as on_progress:
            summary = job.run(
                source, target, max_errors=settings.max_errors, on_progress=on_progress
            )
    except FileError as error:
        for line in str(error).splitlines():
            log.error(line)  # noqa: TRY400 - the input is at fault, not the code
        raise typer.Exit(1) from None
    log.info("job done", target=str(target), orders=summary.orders, total=str(summary.total))
