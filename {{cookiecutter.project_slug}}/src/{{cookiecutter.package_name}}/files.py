"""Files in and out: CSV read row by row, output that appears whole or not at all."""

import csv
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import BinaryIO

type Progress = Callable[[int, int], object]
"""Called with how much is done and how much there is: of a file, in bytes."""


@dataclass
class FileError(Exception):
    """A file cannot be read or written, or its content is wrong; nothing is written."""

    reason: str
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Give the reason and every problem, a line each."""
        return "\n".join([self.reason, *self.problems])


@contextmanager
def explained(target: Path) -> Iterator[None]:
    """Turn what reading and writing may raise in this block into a `FileError`."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise FileError(f"The input is not UTF-8: {error}.") from error
    except csv.Error as error:
        raise FileError(f"The input is not CSV: {error}.") from error
    except OSError as error:
        path = error.filename2 or error.filename or target  # The second is what was to be replaced.
        raise FileError(f"{path}: {error.strerror}.") from error


def csv_rows(
    lines: BinaryIO, on_progress: Progress, begin: int = 0, end: float = inf
) -> Iterator[tuple[int, dict[str, str]]]:
    """Give the line number and the fields of each row of a CSV file with a header, in UTF-8.

    A field that a row lacks is left out. What a row has beyond the header stands under a name that
    says so. Only those rows are given whose last line begins at a byte from `begin` on and before
    `end`: ranges that adjoin share no row and lose none.

    Raises:
        FileError: there is not even a header.
    """
    place = 0

    def follow(done: int, size: int) -> None:
        nonlocal place
        place = done
        on_progress(done, size)

    reader = csv.reader(counted(lines, follow), strict=True)
    if not (header := next(reader, [])):
        raise FileError("The input is empty: not even a header.")
    for row in reader:
        if place >= end:
            break
        if row and place >= begin:
            fields = dict(zip(header, row, strict=False))
            if len(row) > len(header):
                fields["more columns than the header"] = ",".join(row[len(header) :])
            yield reader.line_num, fields


def counted(lines: BinaryIO, on_progress: Progress) -> Iterator[str]:
    """Give each line of a UTF-8 file as text, and tell how far the reading is."""
    size, done = os.fstat(lines.fileno()).st_size, 0
    for number, line in enumerate(lines):
        done += len(line)
        # A spreadsheet puts a byte order mark first, which is no part of the text.
        yield line.decode("utf-8-sig" if number == 0 else "utf-8")
        on_progress(done, size)


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Open a file beside `target` that takes its place when the block ends without an error."""
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise FileError(f"{target} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as output:
            yield output
            output.flush()
            os.fsync(output.fileno())
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _umask() -> int:
    """The mask that a file made in the ordinary way would get; `mkstemp` makes private ones."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
