"""The files that say the same thing agree, and a disagreement is found."""

import importlib.util
import shutil
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
SCRIPT = importlib.util.spec_from_file_location("consistency", PROJECT / "scripts/consistency.py")
assert SCRIPT
assert SCRIPT.loader
consistency = importlib.util.module_from_spec(SCRIPT)
SCRIPT.loader.exec_module(consistency)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in consistency.PYTHON_VERSION:
        shutil.copy(PROJECT / name, tmp_path)
    return tmp_path


def test_the_python_versions_agree() -> None:
    assert consistency.python_problems(PROJECT) == []


@pytest.mark.parametrize("name", ["environment.yml", "Dockerfile"])
def test_another_python_version_is_found(copy: Path, name: str) -> None:
    right = "{{ cookiecutter.python_version }}"
    file = copy / name
    file.write_text(file.read_text("utf-8").replace(right, "3.99"), "utf-8")

    assert consistency.python_problems(copy) == [
        f"{name} has Python 3.99, pyproject.toml has {right}: edit {name}."
    ]
