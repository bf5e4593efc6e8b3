"""Output that appears complete or not at all, and progress in a terminal."""

import glob
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; the file there replaces `target` if the block succeeds.

    The path has the name of `target`, in a temporary directory beside it. What a killed run of the
    same target left behind is removed first. If two runs overlap, the one that started last wins:
    it removes the directory of the other, which then fails.
    """
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a directory")
    pattern = f".{glob.escape(target.name)}.????????.partial"
    directory = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        for leftover in target.parent.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)  # Windows does not remove a file in use.
        directory.mkdir()
        path = directory / target.name
        yield path
        with path.open("r+b") as file:  # Windows flushes only a file that is open for writing.
            os.fsync(file.fileno())
        path.replace(target)
    except OSError as error:
        error.add_note(f"while writing {target}")
        raise
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def progress() -> Progress:
    """Return a progress bar that is shown in a terminal only."""
    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)
