"""Split an input among several runs, and merge their parts into the bytes of a single run."""

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from typer import BadParameter

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.exit_status import InputError
from {{ cookiecutter.package_name }}.files import replacing


@dataclass(frozen=True)
class Shard:
    """One of `count` contiguous ranges of lines; `index` counts from 0."""

    index: int
    count: int

    def select[Row](self, rows: Iterator[tuple[int, Row]], lines: int) -> Iterator[tuple[int, Row]]:
        """Yield the rows that end in this range; the input has `lines` lines in total."""
        begin = lines * self.index // self.count
        end = lines * (self.index + 1) // self.count
        for line, row in rows:
            if line > end and self.index + 1 < self.count:
                break
            if line > begin:
                yield line, row

    def path(self, target: Path, digest: str) -> Path:
        """Return the path of this shard's part of `target`, for the input with this digest."""
        return target.with_name(f"{target.name}.{digest}.{self.index}-of-{self.count}")


def parse(text: str) -> Shard:
    """Parse `I/N`, or `/N` with the index from JOB_COMPLETION_INDEX, which Kubernetes sets."""
    index, _, count = text.partition("/")
    index = index or os.environ.get("JOB_COMPLETION_INDEX", "")
    if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
        raise BadParameter(f"{index}/{count} is not I/N: I is 0 to N - 1, or JOB_COMPLETION_INDEX")
    return Shard(int(index), int(count))


def scan(source: Path) -> tuple[str, int]:
    """Return a digest of an input and this version, and the number of lines of the input."""
    if source.exists() and not source.is_file():
        raise BadParameter(f"{source} is not a regular file, and would be read twice")
    digest, lines = hashlib.sha256(__version__.encode()), 0
    with source.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            lines += block.count(b"\n")
    return digest.hexdigest()[:16], lines


def merge(source: Path, target: Path) -> None:
    """Concatenate the parts of `target` that all shards of `source` have written."""
    digest, _ = scan(source)
    pattern = re.compile(re.escape(target.name) + r"\.([0-9a-f]+)\.\d{1,6}-of-(\d{1,6})")
    found = {path: it for path in target.parent.glob("*") if (it := pattern.fullmatch(path.name))}
    count = max((int(it[2]) for it in found.values() if it[1] == digest), default=1)
    parts = [Shard(index, count).path(target, digest) for index in range(count)]
    if foreign := sorted(found.keys() - {*parts}):
        problem = "belongs to another input, version or split: remove it"
        raise InputError(*(f"{path} {problem}" for path in foreign))
    if missing := [str(part) for part in parts if part not in found]:
        raise OSError(f"missing parts: {', '.join(missing)}")
    # Remove what killed shards of an earlier input left behind.
    for leftover in target.parent.glob(f".{glob.escape(target.name)}.*-of-*.partial"):
        shutil.rmtree(leftover, ignore_errors=True)
    with replacing(target) as path, path.open("wb") as output:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, output)
