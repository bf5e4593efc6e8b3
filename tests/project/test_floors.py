"""A project works with the lowest versions that its pyproject.toml allows."""

import shutil
import tomllib
from pathlib import Path

import pytest

from tests.helpers.edge_cases import add_edge_cases
from tests.helpers.harness import (
    ON_NEWEST_PYTHON,
    BakedProject,
    activated_env,
    each,
    interpreter,
    run,
    tool,
    uv_pip_install,
)


@pytest.mark.usefixtures("index")
@pytest.mark.slow("installs the lowest versions and runs a project's tests on them")
@each(ON_NEWEST_PYTHON)  # For it, there are the fewest wheels.
def test_its_own_tests_pass_with_the_lowest_allowed_versions(
    baked: BakedProject, tmp_path: Path
) -> None:
    project, venv = tmp_path / "project", tmp_path / "venv"
    shutil.copytree(baked.path, project)
    python = interpreter(baked.combination.python)
    assert python
    run(tool("uv"), "venv", "--python", python, venv)
    pyproject = project / "pyproject.toml"
    groups = tomllib.loads(pyproject.read_text("utf-8"))["dependency-groups"]

    allowed: list[str | Path] = [
        "--requirements",
        pyproject,
        *(f"--group={pyproject}:{name}" for name in groups),
    ]
    uv_pip_install(venv, "--resolution=lowest-direct", "--only-binary=:all:", *allowed)
    uv_pip_install(venv, "--no-deps", "--editable", project)
    copy = BakedProject(project, baked.combination)
    for command in (["make", "test"], ["pytest", "-q", add_edge_cases(copy)]):
        assert " passed" in copy.run(*command, env=activated_env(venv)).stdout
