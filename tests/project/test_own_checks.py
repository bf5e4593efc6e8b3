"""A baked project passes its own checks and tests, installed from its own lock."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.edge_cases import add_edge_cases
from tests.helpers.extended_project import PARTS, remove_parts
from tests.helpers.harness import (
    INSTALLABLE,
    PACKAGE,
    SLUG,
    BakedProject,
    Combination,
    activated_env,
    commit,
    each,
    each_combination,
    no_combination,
    run,
    skip_or_fail,
)


@pytest.fixture
def installed(
    combination: Combination, install: Callable[[Combination], BakedProject]
) -> BakedProject:
    """The installed project of the test's combination; tests have to undo their edits."""
    return install(combination)


def test_this_machine_has_an_interpreter_to_test_with() -> None:
    if not INSTALLABLE:
        in_ci = os.environ.get("REQUIRE_PYTHON", os.environ.get("CI"))
        skip_or_fail(no_combination(), required=in_ci in {"1", "true"})


@pytest.mark.slow("installs a project and runs all of its tests")
@each_combination
def test_its_own_checks_and_tests_pass(installed: BakedProject) -> None:
    environment = activated_env(installed.path.parent / "venv")

    installed.run("make", "check", env=environment)
    result = installed.run("make", "test", env=environment)

    assert " passed" in result.stdout
    assert "skipped" not in re.sub("files? skipped due to complete coverage", "", result.stdout)


@pytest.mark.slow("installs a project and runs more tests of its code")
@each_combination
def test_edge_cases_of_its_code_pass(
    request: pytest.FixtureRequest, installed: BakedProject
) -> None:
    folder = add_edge_cases(installed)
    request.addfinalizer(lambda: shutil.rmtree(installed.path / folder))
    environment = activated_env(installed.path.parent / "venv")

    if installed.combination.python == INSTALLABLE[0].python:  # The style is the same on all.
        installed.run("ruff", "check", folder, env=environment)
        installed.run("ruff", "format", "--check", folder, env=environment)
        installed.run("mypy", env=environment)
    result = installed.run("pytest", "-q", folder, env=environment)

    assert " passed" in result.stdout
    assert "skipped" not in result.stdout


@each([one for one in INSTALLABLE if one.application == "model-api"][:1])
def test_a_model_api_works_without_the_optional_parts(
    installed: BakedProject, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(installed.path, project)
    environment = activated_env(installed.path.parent / "venv")
    environment["PYTHONPATH"] = str(project / "src")

    remove_parts(project, *PARTS)

    for command in (["ruff", "check"], ["mypy"], ["pytest", "-q", "--cov"]):
        run(*command, cwd=project, env=environment)


@each(INSTALLABLE[:1])
@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("pyproject.toml", '"structlog>=', '"structlog>=1,>=', "Run `poetry lock`"),
        ("pyproject.toml", "Private :: Do", "Framework :: Do", "Unrecognized classifiers"),
        ("requirements.txt", "--hash=sha256:", "--hash=sha512:", "make requirements"),
        ("environment.yml", "python=3.", "python=2.", "edit environment.yml"),
        ("Dockerfile", "PYTHON_VERSION=3.", "PYTHON_VERSION=2.", "edit Dockerfile"),
        (f"src/{PACKAGE}/logs.py", "import sys", "import sys, calendar", "F401"),
        (f"src/{PACKAGE}/logs.py", "def configure(", "def  configure(", "would be reformatted"),
        (f"src/{PACKAGE}/__init__.py", "__version__ =", "__version__: int =", "[assignment]"),
    ],
)
def test_its_own_checks_detect_problems(
    request: pytest.FixtureRequest,
    installed: BakedProject,
    file: str,
    old: str,
    new: str,
    message: str,
) -> None:
    path = installed.path / file
    before = path.read_text("utf-8")
    assert old in before
    request.addfinalizer(lambda: path.write_text(before, "utf-8"))
    path.write_text(before.replace(old, new, 1), "utf-8")

    environment = activated_env(installed.path.parent / "venv")
    result = installed.run("make", "check", env=environment, check=False)

    assert result.returncode
    assert message in result.stdout + result.stderr


@each(INSTALLABLE[:1])
def test_make_fix_formats_even_if_some_problems_remain(
    request: pytest.FixtureRequest, installed: BakedProject
) -> None:
    path = installed.path / "src" / PACKAGE / "unfinished.py"
    request.addfinalizer(path.unlink)
    path.write_text("import os\ndef   unfinished(   ):\n    return undefined\n", "utf-8")
    environment = activated_env(installed.path.parent / "venv")

    installed.run("make", "fix", env=environment)

    assert path.read_text("utf-8") == "def unfinished():\n    return undefined\n"


@each(INSTALLABLE[:1])
def test_a_commit_outside_the_environment_says_what_to_do(
    installed: BakedProject, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    ignored = shutil.ignore_patterns(".*_cache", "__pycache__")
    shutil.copytree(installed.path, project, ignore=ignored)
    commit(project, "Start from the template")
    environment = activated_env(installed.path.parent / "venv")
    run("pre-commit", "install", cwd=project, env=environment)
    (project / "README.md").write_text("# Prices\n", "utf-8")
    command = ["git", "commit", "--all", "--message", "Rename"]

    refused = run(*command, cwd=project, check=False)

    assert refused.returncode
    assert f"after: conda activate {SLUG}\n" in refused.stderr
    assert "ruff" not in refused.stderr
    run(*command, cwd=project, env=environment)


@each(INSTALLABLE[:1])
def test_make_help_names_every_target(installed: BakedProject) -> None:
    makefile = (installed.path / "Makefile").read_text("utf-8")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)

    listed = [line.split()[0] for line in installed.run("make").stdout.splitlines()]

    assert sorted(listed) == sorted(" ".join(phony).split())
