"""The command line: `{{ cookiecutter.project_slug }} run` and `merge`."""

from functools import partial
from pathlib import Path
from typing import Annotated, NoReturn

import structlog
import typer

from {{ cookiecutter.package_name }} import exit_status, job, logs, settings, shards

STATUSES = "\n\n".join(f"Status {each}: {text}" for each, text in exit_status.MEANINGS.items())

app = typer.Typer(
    help="Price orders. All settings come from the environment; see .env.example.",
    epilog=STATUSES,
    callback=lambda: None,  # With it, `run` keeps its name if it is the only command.
    result_callback=lambda _result: None,  # What a command returns is not its exit status.
    add_completion=False,
    pretty_exceptions_enable=False,
)
log = structlog.get_logger()

# Typer's `readable` would report a temporary failure as a wrong command line.
FILE = {"dir_okay": False, "readable": False}
Source = Annotated[Path, typer.Argument(help="CSV file of orders.", metavar="INPUT", **FILE)]
Target = Annotated[Path, typer.Argument(help="JSON Lines file.", metavar="OUTPUT", **FILE)]
SHARD = typer.Option(parser=shards.parse, metavar="I/N", help="Price only part I of N, from 0.")
Part = Annotated[shards.Shard | None, SHARD]


def configure() -> settings.Settings:
    """Load the settings, and configure logging."""
    loaded = settings.load()
    logs.configure(loaded.log_level, loaded.log_format)
    return loaded


@app.command()
def run(source: Source, target: Target, *, shard: Part = None) -> None:
    """Price every order in INPUT, and write OUTPUT completely or not at all."""
    max_errors = configure().max_errors
    if target.exists() and target.samefile(source):
        raise typer.BadParameter("INPUT and OUTPUT are the same file")
    price = partial(job.run, source, max_errors=max_errors)
    if shard:
        digest, lines = shards.scan(source)
        target = shard.path(target, digest)
        price = partial(price, select=partial(shard.select, lines=lines))
    log.info("done", status=0, target=str(target), **price(target))


@app.command()
def merge(source: Source, target: Target) -> None:
    """Join the parts that `run --shard` has written into the output of a single run."""
    configure()
    shards.merge(source, target)
    log.info("done", status=0, target=str(target))


def main() -> NoReturn:
    """Run the command line."""
    logs.configure()
    exit_status.run(partial(app, standalone_mode=False))