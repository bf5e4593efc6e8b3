"""The command line: `{{ cookiecutter.project_slug }} run`."""

import signal
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console
from rich.progress import Progress

from {{ cookiecutter.package_name }} import job
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
    # The default action would leave the unfinished file behind. An exception from the handler is
    # lost where C code is running that drops errors, so the loop asks for the signal instead.
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("Pricing", total=None)

        def on_progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if stopped:
                raise typer.Exit(128 + stopped[0])

        try:
            summary = job.run(
                source,
                target,
                max_errors=settings.max_errors,
                on_progress=on_progress,
            )
        except job.JobError as error:
            for line in str(error).splitlines():
                log.error(line)  # noqa: TRY400 - the input is at fault, not the code
            raise typer.Exit(1) from None
    log.info("job done", target=str(target), orders=summary.orders, total=str(summary.total))
