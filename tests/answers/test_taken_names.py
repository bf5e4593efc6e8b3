"""Names that a project cannot have: those of every dependency, and of Python itself."""

import json
import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from scripts.taken_names import distribution_names, normalize
from tests.helpers.answers import each_python, prompt_context, render
from tests.helpers.harness import QUESTIONS, ROOT, python_command, run

TAKEN = QUESTIONS["_taken_names"]


def test_the_name_of_every_locked_package_is_taken() -> None:
    locked = {
        normalize(package["name"])
        for lock in ROOT.glob("templates/locks/*/poetry.lock")
        for package in tomllib.loads(lock.read_text("utf-8"))["package"]
    }

    taken = dict(word.partition("=")[::2] for word in TAKEN["locks"]["names"].split())

    assert set(taken) == locked, "Run scripts/taken_names.py, as `make locks` does."
    seen = 0
    for name, others in taken.items():
        try:
            here = distribution_names(distribution(name))
        except PackageNotFoundError:
            continue
        seen += 1
        # The versions may differ from the locked ones, and a few of the names with them.
        assert here & {name, *others.split(",")}, name
    assert seen > 20


SHOW = """
import json, runpy, sys
hook = runpy.run_path(sys.argv[1], run_name="pre_gen_project")
taken = hook["ANSWERS"]["_taken_names"]
for kind in ("language", "library"):
    names = {*hook["NAMES"][kind], *taken[kind]["names"].split()}
    print(json.dumps(sorted({name.replace("_", "-") for name in names if name[0].islower()})))
"""


@each_python
def test_the_same_words_and_modules_are_taken_on_every_python(python: str, tmp_path: Path) -> None:
    hook, script = tmp_path / "hook.py", tmp_path / "show.py"
    hook.write_text(render("pre_gen_project", prompt_context({})))
    script.write_text(SHOW)

    there = run(*python_command(python, tmp_path), script, hook).stdout
    here = run(sys.executable, script, hook).stdout

    for names, expected in zip(there.splitlines(), here.splitlines(), strict=True):
        assert json.loads(names) == json.loads(expected), "Add these to _taken_names."


def test_taken_names_are_normalized() -> None:
    for kind in TAKEN.values():
        names = re.split("[ =,]", kind["names"])
        assert [name for name in names if name != normalize(name)] == []
