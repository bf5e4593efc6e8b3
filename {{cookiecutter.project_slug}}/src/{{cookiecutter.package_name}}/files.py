"""Write complete output or none, and show progress in a terminal."""

import errno
import glob
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from typer import BadParameter

DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a path to write to; the file there replaces `target` if the block succeeds.

    The path has the name of `target`, in a temporary directory beside it. Directories that killed
    runs left behind are removed first. If two runs overlap, the one that started last wins: it
    removes the directory of the other, which then fails.

    Raises:
        BadParameter: the target is a directory or a device.
        OSError: the target cannot be written.
    """
    is_device = str(target.absolute().parent) in {"/dev", "/dev/fd"}  # Links to standard output.
    if is_device or (target.exists() and not target.is_file()):
        raise BadParameter(f"{target} is not a regular file")
    target = target.resolve() if target.is_symlink() else target  # As a shell's `>` does.
    if not target.parent.is_dir():
        raise NotADirectoryError(f"there is no directory {target.parent}")
    pattern = f".{glob.escape(target.name)}.????????.partial"
    directory = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        for leftover in target.parent.glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)  # Windows does not remove a file in use.
        directory.mkdir()
        path = directory / target.name
        yield path
        _replace(target, path)
    except OSError as error:
        if isinstance(error, FileNotFoundError) and not directory.exists():
            raise OSError(f"another run has started to write {target}") from error
        # Other errors may come from what the block reads, or from a network.
        if error.errno in DISK_IS_FULL or str(directory) in str(error.filename):
            error.add_note(f"while writing {target}")
        raise
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _replace(target: Path, path: Path) -> None:
    if path.parent.is_dir() and not path.is_file():
        raise RuntimeError(f"{path.name} was not written, or is not a file")
    if target.exists():
        shutil.copymode(target, path)
    with path.open("r+b") as file:  # Windows flushes only a file that is open for writing.
        os.fsync(file.fileno())
    path.replace(target)


def progress() -> Progress:
    """Return a progress bar that is shown in a terminal only."""
    return Progress(
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
        redirect_stdout=sys.stdout.isatty(),  # Otherwise the log would go to the terminal.
    )
