"""A fresh project stays small, in files and in lines."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST
from tests.helpers.harness import BakedProject, each

# The limits of each, with Compose. Raise one only for what a team would otherwise have to write
# itself, and say in the commit what that is; lower it whenever code has been removed.
LIMITS = {
    "web-api": {"files": 50, "src": 932, "tests": 590, "scripts": 210, "Makefile": 115},
    "model-api": {
        "files": 76,
        "src": 1872,
        "training": 1097,
        "tests": 1091,
        "scripts": 210,
        "Makefile": 121,
    },
    "job": {"files": 42, "src": 720, "tests": 419, "scripts": 210, "Makefile": 114},
}


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def sizes(project: Path) -> Iterator[tuple[str, int]]:
    """Yield the number of files, and the lines of the Makefile and of each folder with Python."""
    yield "files", sum(path.is_file() for path in project.rglob("*"))
    yield "Makefile", lines(project / "Makefile")
    for folder in ("src", "training", "tests", "scripts"):
        if total := sum(map(lines, (project / folder).rglob("*.py"))):
            yield folder, total


@each(NEWEST)
def test_a_project_does_not_grow(baked: BakedProject, capsys: pytest.CaptureFixture[str]) -> None:
    found = dict(sizes(baked.path))

    with capsys.disabled():
        print(f"\n{baked.combination.application}: {found}")  # noqa: T201 - to lower LIMITS
    most = LIMITS[baked.combination.application]
    assert found.keys() == most.keys()
    assert {name: size for name, size in found.items() if size > most[name]} == {}
