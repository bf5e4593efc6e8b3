"""One input, worked on by several runs at once, and merged to what a single run would write.

Every run reads the whole input, hashes what it reads, and prices the rows of its own part. The
output of a shard stands beside the target and begins with a line that says which part of which
input it is. `merge` takes outputs that fit together, and no others. Nothing is ever overwritten but
by the same bytes, so each step may be repeated, and two at once do no harm.
"""

import hashlib
import io
import os
import re
from collections.abc import Buffer, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from {{ cookiecutter.package_name }} import __version__, job
from {{ cookiecutter.package_name }}.files import (
    FileError,
    Progress,
    csv_rows,
    explained,
    replacing,
)

HEAD = 512
"""How many bytes the first line of a shard's output has; blanks fill it up."""
BLOCK = 1 << 20
"""How many bytes are in memory at once where lines do not matter."""


@dataclass(frozen=True, order=True)
class Shard:
    """One of `count` parts of the input, by bytes; `index` counts from 0."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str, index: str | None) -> Self:
        """Read `I/N`, or `/N` where the orchestrator gives the index.

        Raises:
            ValueError: says what is wrong.
        """
        found = re.fullmatch(r"(\d{0,6})/(\d{1,6})", text, re.ASCII)
        if not found:
            raise ValueError(f"{text} is not of the form I/N, such as 0/4, the first of four.")
        number = found[1] or index
        if not number:
            raise ValueError(f"{text} has no index, and JOB_COMPLETION_INDEX is not set.")
        if not re.fullmatch(r"\d{1,6}", number, re.ASCII):
            raise ValueError(f"JOB_COMPLETION_INDEX is not a number: {number}.")
        shard = cls(int(number), int(found[2]))
        if shard.index >= shard.count:
            raise ValueError(f"{shard} is out of range: I counts from 0 and is less than N.")
        return shard

    def __str__(self) -> str:
        """Give `I/N`."""
        return f"{self.index}/{self.count}"

    def beside(self, target: Path) -> Path:
        """The file that this shard's output is written to."""
        return target.with_name(f"{target.name}.{self.index}-of-{self.count}")

    def part(self, size: int) -> tuple[int, int]:
        """The bytes that are this shard's: the first of them, and the first after them."""
        return size * self.index // self.count, size * (self.index + 1) // self.count


class Label(BaseModel):
    """The first line of a shard's output."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    shard: str
    version: str
    """Of the code that wrote it."""
    source: str
    """The SHA-256 of the whole input."""
    size: int
    """How many bytes follow this line."""
    orders: int
    total: Decimal

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the label of a shard's output.

        Raises:
            FileError: the file is none, or not whole.
        """
        with path.open("rb") as file:
            head = file.read(HEAD)
        try:
            label = cls.model_validate_json(head)
        except ValidationError as error:
            raise FileError(f"{path} is no output of a shard: move it away.") from error
        if path.stat().st_size != HEAD + label.size:
            raise FileError(f"{path} is not whole: remove it, and repeat --shard {label.shard}.")
        return label

    @property
    def line(self) -> bytes:
        """The line, with the blanks that fill it up."""
        return self.model_dump_json().encode().ljust(HEAD - 1) + b"\n"


class Input(io.FileIO):
    """A file that hashes all that is read of it, on the way."""

    def __init__(self, path: Path) -> None:
        """Open the file."""
        super().__init__(path)
        self.size = os.fstat(self.fileno()).st_size
        self.hash = hashlib.sha256()

    def readinto(self, buffer: Buffer, /) -> int:
        """Read into a buffer, as the reader above this does."""
        count = super().readinto(buffer) or 0
        self.hash.update(memoryview(buffer)[:count])
        return count

    def finish(self, lines: BinaryIO, on_progress: Progress) -> str:
        """Read what is left of it; give the hash of the whole.

        Raises:
            FileError: it is not as large as it was when it was opened.
        """
        while lines.tell() <= self.size and lines.read(BLOCK):
            on_progress(lines.tell(), self.size)
        if lines.tell() != self.size:
            raise FileError(f"{self.name} changes while it is read, or is no file.")
        return self.hash.hexdigest()


def run(
    source: Path, target: Path, shard: Shard, *, max_errors: int, on_progress: Progress
) -> job.Summary:
    """Price the orders of one part of `source`; the output appears complete or not at all.

    A shard that is done already is not done again. The arguments are those of `job.run`.

    Raises:
        FileError: `source` cannot be read or has wrong rows in this part, or the output cannot be
            written, or stands there from another run.
    """
    path = shard.beside(target)
    with explained(path):
        if path.exists():
            label = expect(path, shard, fingerprint(source, on_progress))
            return job.Summary(label.orders, label.total)
        with (
            Input(source) as raw,
            io.BufferedReader(raw, BLOCK) as lines,
            replacing(path) as output,
        ):
            output.write(b" " * HEAD)
            rows = csv_rows(lines, on_progress, *shard.part(raw.size))
            summary = job.price(rows, output, max_errors)
            label = Label(
                shard=str(shard),
                version=__version__,
                source=raw.finish(lines, on_progress),
                size=output.tell() - HEAD,
                orders=summary.orders,
                total=summary.total,
            )
            output.seek(0)
            output.write(label.line)
            if path.exists():  # Somebody was faster.
                expect(path, shard, label.source)
    return summary


def merge(source: Path, target: Path, *, on_progress: Progress) -> job.Summary:
    """Join the outputs of all shards to `target`: the bytes that `job.run` would have written.

    The outputs stay. A `target` that is there already has to be the same.

    Raises:
        FileError: shards are missing or do not fit together or to `source`, or `target` is there
            and is another run's, or cannot be written.
    """
    with explained(target):
        paths = outputs(target)
        digest = fingerprint(source, on_progress)
        labels = [expect(path, shard, digest) for shard, path in paths.items()]
        if target.exists():
            compare(target, blocks(paths.values(), on_progress))
        else:
            with replacing(target) as output:
                output.writelines(blocks(paths.values(), on_progress))
    return job.Summary(
        sum(label.orders for label in labels), sum((label.total for label in labels), Decimal(0))
    )


def outputs(target: Path) -> dict[Shard, Path]:
    """Find the outputs of all shards of `target`, in their order.

    Raises:
        FileError: some are missing, or they are of more than one way to split the input.
    """
    pattern = re.compile(re.escape(target.name) + r"\.(\d{1,6})-of-(\d{1,6})", re.ASCII)
    names = [pattern.fullmatch(path.name) for path in target.parent.iterdir()]
    found = {Shard(int(name[1]), int(name[2])) for name in names if name}
    counts = {shard.count for shard in found}
    if len(counts) != 1:
        shown = [str(shard.beside(target)) for shard in sorted(found)]
        reason = "Shards of more than one run are here." if found else "There are no shards."
        raise FileError(f"{target} cannot be merged. {reason}", shown)
    shards = [Shard(index, count) for count in counts for index in range(count)]
    if missing := [str(shard) for shard in shards if shard not in found]:
        raise FileError(f"{target} cannot be merged. Missing: --shard {', '.join(missing)}.")
    return {shard: shard.beside(target) for shard in shards}


def fingerprint(source: Path, on_progress: Progress) -> str:
    """The SHA-256 of a whole file."""
    with Input(source) as raw, io.BufferedReader(raw, BLOCK) as lines:
        return raw.finish(lines, on_progress)


def expect(path: Path, shard: Shard, digest: str) -> Label:
    """Give the label of a shard's output, where it is of this shard, input and version.

    Raises:
        FileError: it is another's.
    """
    label = Label.read(path)
    facts = {
        "input": (label.source, digest),
        "shard": (label.shard, str(shard)),
        "version": (label.version, __version__),
    }
    wrong = [what for what, (found, meant) in facts.items() if found != meant]
    if wrong:
        others = " and ".join(wrong)
        raise FileError(f"{path} is of another run, with another {others}: move it away.")
    return label


def blocks(paths: Iterable[Path], on_progress: Progress) -> Iterator[bytes]:
    """Give what the shards have written, without their labels."""
    sizes = {path: path.stat().st_size for path in paths}
    done = 0
    for path, size in sizes.items():
        with path.open("rb") as file:
            file.seek(HEAD)
            while block := file.read(BLOCK):
                yield block
                on_progress(done + file.tell(), sum(sizes.values()))
        done += size


def compare(target: Path, expected: Iterable[bytes]) -> None:
    """Look whether a file holds these bytes and no others.

    Raises:
        FileError: it does not.
    """
    with target.open("rb") as there:
        same = all(there.read(len(block)) == block for block in expected) and not there.read(1)
    if not same:
        raise FileError(f"{target} is another run's output: move it away.")
