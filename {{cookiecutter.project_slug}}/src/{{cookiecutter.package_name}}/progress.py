"""A progress bar for people, and a clean end when a command is stopped."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import Progress as Bar

from {{ cookiecutter.package_name }}.files import Progress


@contextmanager
def progress(what: str) -> Iterator[Progress]:
    """Show how far this block is, on standard error and only in a terminal.

    After SIGTERM the next report of progress ends the command, so that the block tidies up.
    """
    # The default action would leave an unfinished file behind. An exception from the handler is
    # lost where C code is running that drops errors, so the block asks for the signal instead.
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            if stopped:
                raise typer.Exit(128 + stopped[0])

        yield report
