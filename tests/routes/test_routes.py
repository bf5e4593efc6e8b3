"""Cookiecutter, cruft and the button make the same project."""

import re
import sys
from pathlib import Path

import pytest
import yaml

from tests.helpers.containers import NEWEST
from tests.helpers.cruft import create
from tests.helpers.github import INPUTS, Repository, pushed_files
from tests.helpers.harness import (
    COMBINATIONS,
    KUBERNETES,
    ROOT,
    BakedProject,
    each,
    run,
    tool,
    uv_pip_install,
    working_tree,
)


def tree(project: Path) -> dict[str, bytes]:
    """Return every file with its mode and content, as git would store them."""
    modes = {False: b"100644 ", True: b"100755 "}
    return {
        path.relative_to(project).as_posix(): modes[bool(path.stat().st_mode & 0o100)]
        + path.read_bytes()
        for path in project.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow("bakes by each of the routes")
@each([*NEWEST, *KUBERNETES])
def test_the_three_routes_make_the_same_project(baked: BakedProject, tmp_path: Path) -> None:
    answers = {"project_name": "My Application"} | baked.combination.answers
    expected = tree(baked.path)

    created = create(tmp_path, working_tree(tmp_path / "template"), **answers)
    repository = Repository(tmp_path / "github")
    passed, log = repository.dispatch({name: answers[name] for name in INPUTS if name in answers})

    assert passed, log
    assert pushed_files(repository) == expected
    by_cruft = tree(created)
    del by_cruft[".cruft.json"]
    assert by_cruft == expected


@pytest.mark.slow("bakes every combination")
def test_the_oldest_supported_cookiecutter_bakes_every_combination(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    supported = re.search(r"cookiecutter (\d+\.\d+) or later", readme)
    assert supported
    oldest = f"cookiecutter=={supported[1]}.0"
    run(tool("uv"), "venv", "--python", sys.executable, tmp_path / "venv")
    uv_pip_install(tmp_path / "venv", oldest)

    baked = run(tmp_path / "venv/bin/python", ROOT / "scripts/bake_all.py").stdout

    assert baked.splitlines() == [f"{combination}: complete" for combination in COMBINATIONS]
    workflow = yaml.safe_load((ROOT / ".github/workflows/bake.yml").read_text("utf-8"))
    matrix = workflow["jobs"]["bake"]["strategy"]["matrix"]
    assert matrix["cookiecutter"] == [oldest, "cookiecutter"]
