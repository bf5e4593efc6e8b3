"""The files that say the same thing agree, and a disagreement is found."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPT = importlib.util.spec_from_file_location("consistency", PROJECT / "scripts/consistency.py")
assert SCRIPT
assert SCRIPT.loader
consistency = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(consistency)

PYTHON = "{{ cookiecutter.python_version }}"
WORKFLOW = ".github/workflows/ci.yml"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What the script reads, to be edited."""
    for name in ("pyproject.toml", "poetry.lock", WORKFLOW, *consistency.PYTHON_VERSION):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def test_the_files_agree() -> None:
    assert consistency.python_problems(PROJECT) == []
    assert consistency.environment_problems(PROJECT) == []


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("environment.yml", f"`- python={PYTHON}`, then run: make env install"),
        ("Dockerfile", f"`ARG PYTHON_VERSION={PYTHON}`, then run: make image"),
    ],
)
def test_another_python_version_is_found(copy: Path, name: str, remedy: str) -> None:
    file = copy / name
    before = file.read_text("utf-8")

    file.write_text(before.replace(PYTHON, "3.99"), "utf-8")
    assert consistency.python_problems(copy) == [
        f"{name} has Python 3.99, pyproject.toml has {PYTHON}: edit {name} to {remedy}"
    ]

    file.write_text(before.replace(PYTHON, ""), "utf-8")
    assert consistency.python_problems(copy) == [
        f"{name} has Python without a version, pyproject.toml has {PYTHON}: edit {name} to {remedy}"
    ]


@pytest.mark.parametrize(
    "line", ["python-version: '{}'", "python-version: [{}]", "conda install python={}"]
)
def test_a_workflow_names_the_same_python_or_none(copy: Path, line: str) -> None:
    workflow = copy / WORKFLOW

    workflow.write_text(line.format(PYTHON), "utf-8")
    assert consistency.python_problems(copy) == []

    workflow.write_text(line.format("3.9"), "utf-8")
    assert consistency.python_problems(copy) == [
        f"{WORKFLOW} has Python 3.9, pyproject.toml has {PYTHON}: edit {WORKFLOW}"
    ]


def test_another_python_that_is_active_is_found(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))

    (problem,) = consistency.python_problems(copy)
    assert problem.startswith("The active environment has Python 3.99, pyproject.toml has")
    assert problem.endswith("run: make env install")


@pytest.mark.parametrize("line", ["pydantic=2", "conda-forge::pydantic >=2"])
def test_a_package_of_poetry_in_the_environment_is_found(copy: Path, line: str) -> None:
    with (copy / "environment.yml").open("a", encoding="utf-8") as environment:
        environment.write(f"  - {line}\n")

    assert consistency.environment_problems(copy) == [
        "environment.yml has pydantic, which is Poetry's: edit it, then run: make env install"
    ]
