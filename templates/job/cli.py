"""The command line: `{{ cookiecutter.project_slug }} run` and `merge`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
import typer

from {{ cookiecutter.package_name }} import job, shards
from {{ cookiecutter.package_name }}.files import FileError, Progress
from {{ cookiecutter.package_name }}.progress import progress
from {{ cookiecutter.package_name }}.startup import new_app, start

app = new_app("Price orders. Every setting comes from the environment: see .env.example.")

Source = Annotated[Path, typer.Argument(help="CSV file of orders.", metavar="INPUT")]
Target = Annotated[Path, typer.Argument(help="JSON Lines file to write.", metavar="OUTPUT")]


@app.command()
def run(
    source: Source,
    target: Target,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Only part I of N, from 0; without I it is JOB_COMPLETION_INDEX.",
        ),
    ] = None,
) -> None:
    """Price every order of INPUT and write the result to OUTPUT.

    OUTPUT appears when all of it is written, or not at all. The exit status is 0 when every order
    is priced, 1 when INPUT or OUTPUT is at fault, and 2 when the command or a setting is wrong.
    With --shard it is OUTPUT.I-of-N that is written, for `merge`.
    """
    settings = start()
    try:
        index = os.environ.get("JOB_COMPLETION_INDEX")
        part = None if shard is None else shards.Shard.parse(shard, index)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--shard") from None
    with reported("Pricing") as on_progress:
        if part is None:
            summary = job.run(
                source, target, max_errors=settings.max_errors, on_progress=on_progress
            )
        else:
            summary = shards.run(
                source, target, part, max_errors=settings.max_errors, on_progress=on_progress
            )
            target = part.beside(target)
    log_done("job done", target, summary)


@app.command()
def merge(source: Source, target: Target) -> None:
    """Join what every `run --shard` of INPUT has written to OUTPUT, as one run would write it.

    The exit status is 1 where shards are missing or are not of this INPUT, or where OUTPUT is
    another run's. The outputs of the shards stay.
    """
    start()
    with reported("Merging") as on_progress:
        summary = shards.merge(source, target, on_progress=on_progress)
    log_done("shards merged", target, summary)


@contextmanager
def reported(what: str) -> Iterator[Progress]:
    """Show progress; log each problem of a file and end with status 1."""
    try:
        with progress(what) as on_progress:
            yield on_progress
    except FileError as error:
        for line in str(error).splitlines():
            structlog.get_logger().error(line)
        raise typer.Exit(1) from None


def log_done(what: str, target: Path, summary: job.Summary) -> None:
    """Log what a command has done."""
    total = str(summary.total)
    structlog.get_logger().info(what, target=str(target), orders=summary.orders, total=total)
