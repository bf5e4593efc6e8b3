"""Names that a package cannot have: of every dependency, and of Python itself."""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from scripts.taken_names import names_of, normal
from tests.helpers.harness import QUESTIONS, ROOT, program, run

TAKEN = QUESTIONS["_taken_names"]


def test_every_name_of_every_lock_is_taken() -> None:
    locked = {
        normal(package["name"])
        for lock in ROOT.glob("templates/locks/*/poetry.lock")
        for package in tomllib.loads(lock.read_text("utf-8"))["package"]
    }

    taken = dict(word.partition("=")[::2] for word in TAKEN["locks"]["names"].split())

    assert set(taken) == locked, "Run scripts/taken_names.py, as `make locks` does."
    seen = 0
    for name, others in taken.items():
        try:
            here = names_of(distribution(name))
        except PackageNotFoundError:
            continue
        seen += 1
        # The versions differ from those of the locks, so a name more or less is no fault.
        assert here & {name, *others.split(",")}, name
    assert seen > 20


@pytest.mark.parametrize("python", QUESTIONS["python_version"])
def test_every_word_and_module_of_this_python_is_taken(python: str, tmp_path: Path) -> None:
    script = tmp_path / "names.py"
    script.write_text(
        "import builtins, json, keyword, sys\n"
        "words = [*keyword.kwlist, *keyword.softkwlist, *filter(str.islower, dir(builtins))]\n"
        "print(json.dumps([words, sorted(sys.stdlib_module_names)]))\n"
    )

    command = [argument for argument in program(python, tmp_path) if argument != "-S"]
    words, modules = json.loads(run(*command, script).stdout)

    for names, kind in ((words, "language"), (modules, "library")):
        public = {normal(name) for name in names if not name.startswith("_")}
        assert public - set(TAKEN[kind]["names"].split()) == set()


def test_the_names_that_are_taken_are_written_in_their_one_spelling() -> None:
    for kind in TAKEN.values():
        names = re.split("[ =,]", kind["names"])
        assert [name for name in names if name != normal(name)] == []
