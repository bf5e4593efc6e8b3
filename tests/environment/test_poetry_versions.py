"""The versions of Poetry that a project allows, and the one that it installs."""

import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from tests.helpers.containers import NEWEST
from tests.helpers.harness import (
    ROOT,
    BakedProject,
    Combination,
    each,
    run,
    tool,
    uv_pip_install,
    working_tree,
)

PROJECT = ROOT / "{{cookiecutter.project_slug}}"


@pytest.fixture(scope="module")
def oldest(
    bake: Callable[[Combination], BakedProject], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The oldest Poetry, with the oldest export plugin, that a project allows."""
    pyproject = (bake(NEWEST[0]).path / "pyproject.toml").read_text("utf-8")
    tools = tomllib.loads(pyproject)["tool"]["poetry"]
    needed = {"poetry": tools["requires-poetry"], **tools["requires-plugins"]}
    venv = tmp_path_factory.mktemp("oldest") / "venv"
    run(tool("uv"), "venv", "--python", sys.executable, venv)
    pins = [f"{name}=={lower_bound(allowed)}" for name, allowed in needed.items()]
    uv_pip_install(venv, *pins)
    return venv / "bin" / "poetry"


def lower_bound(specifiers: str) -> str:
    (bound,) = (it.version for it in SpecifierSet(specifiers) if it.operator == ">=")
    return bound


@each(NEWEST)
def test_the_oldest_poetry_that_a_project_allows_accepts_its_lock(
    baked: BakedProject, oldest: Path
) -> None:
    baked.run(oldest, "check", "--lock")

    export = baked.run(oldest, "export", "--without-urls").stdout
    assert export == (baked.path / "requirements.txt").read_text("utf-8")


def test_only_make_installs_poetry(tmp_path: Path) -> None:
    template = working_tree(tmp_path / "template")
    shutil.rmtree(template / "templates" / "locks")
    installs = re.compile(r"(?:pip|pipx|conda) (?:install|inject)(?: --\S+)* [^`\n&]*\bpoetry\b")

    found = {
        path.relative_to(template).as_posix()
        for path in template.rglob("*")
        if path.is_file() and installs.search(path.read_text("utf-8", errors="ignore"))
    }

    tests = {
        "tests/environment/test_dev_container.py",
        "tests/environment/test_make_env.py",
        "tests/environment/test_poetry_versions.py",
        "tests/maintenance/test_bake_workflow.py",
        "benchmarks/image.py",
    }
    assert found - tests == {f"{PROJECT.name}/Makefile"}


@pytest.mark.usefixtures("docker")
@each(NEWEST[-1:])
def test_a_build_backend_without_the_pinned_hash_is_refused(
    baked: BakedProject, tmp_path: Path
) -> None:
    shutil.copytree(baked.path, tmp_path / "project")
    pyproject = tmp_path / "project" / "pyproject.toml"
    text = re.sub("poetry-core==[0-9.]+", "poetry-core==2.3.0", pyproject.read_text("utf-8"))
    pyproject.write_text(text, "utf-8")

    result = run("docker", "build", "--progress=plain", tmp_path / "project", check=False)

    assert result.returncode
    assert re.search(r"poetry-core==\S+ is incompatible with poetry-core==2\.3\.0", result.stderr)
