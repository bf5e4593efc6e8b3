"""Poetry in a Conda environment: it installs into it, and keeps the files synchronized."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from packaging.markers import Marker

from tests.helpers.conda_channel import Channels, bundled_pip
from tests.helpers.harness import (
    BUILT,
    PYTHONS,
    QUESTIONS,
    SLUG,
    BakedProject,
    Combination,
    commit,
    each,
    interpreter,
    run,
    skip_or_fail,
    tool,
)

# One environment for each application, spread over this machine's Pythons: they take long.
DEVELOPED = [Combination(*it) for it in zip(QUESTIONS["application"], cycle(PYTHONS), strict=False)]
# Prints the distributions of an environment.
VERSIONS = """
from importlib.metadata import distributions
for it in distributions():
    print(it.name.lower().replace("_", "-").replace(".", "-") + "==" + it.version)
"""
SYSTEM = ["/usr/local/bin", "/usr/bin", "/bin"]


class Development(NamedTuple):
    """A copy of a baked project in git, and a shell in which its environment is active."""

    project: BakedProject
    prefix: Path
    shell: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.project.run(*command, check=check, env=self.shell)

    def output(self, *command: str, fails: bool = False) -> str:
        """Return the output of a command, which has to fail if `fails` is set."""
        result = self.run(*command, check=not fails)
        assert fails == bool(result.returncode), result.stdout + result.stderr
        return result.stdout + result.stderr

    def versions(self) -> set[str]:
        return set(self.run("python", "-c", VERSIONS).stdout.split())


def versions_in_image(project: BakedProject) -> set[str]:
    """Return the distributions in the image of a project, which is built if necessary."""
    image = project.run("docker", "build", "--quiet", ".").stdout.strip()
    entry = ["docker", "run", "--rm", "--entrypoint", "python"]
    return set(run(*entry, image, "-c", VERSIONS).stdout.split())


def by_name(versions: set[str]) -> dict[str, str]:
    """Return the version of each distribution by its name."""
    return dict(one.split("==") for one in versions)


def activated_by_conda(prefix: Path, *tools: Path) -> dict[str, str]:
    """Return the environment variables after `conda activate`, with Poetry outside of it."""
    others = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    path = [str(prefix / "bin"), *map(str, tools), *SYSTEM]
    return others | {
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": prefix.name,
        "CONDA_SHLVL": "1",
        "PATH": os.pathsep.join(path),
    }


@pytest.fixture(scope="session")
def develop(
    index: None,  # noqa: ARG001 - needed
    bake: Callable[[Combination], BakedProject],
    channels: Channels,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[Combination], Development]:
    """Create the Conda environment of a project, activate it and run `make install` in it."""

    @cache
    def develop_once(combination: Combination) -> Development:
        python = interpreter(combination.python)
        if not python or not bundled_pip(python):
            skip_or_fail(f"Python {combination.python} cannot be packed for Conda.", required=False)
        folder = tmp_path_factory.mktemp("development")
        project = BakedProject(folder / "project", combination)
        shutil.copytree(bake(combination).path, project.path)
        environment = yaml.safe_load((project.path / "environment.yml").read_text("utf-8"))
        environment["dependencies"].append("pip")
        prefix = folder / "envs" / SLUG
        channels.install(channels.solve(environment), prefix)
        tools = folder / "tools"
        tools.mkdir()
        (tools / "poetry").symlink_to(tool("poetry"))
        development = Development(project, prefix, activated_by_conda(prefix, tools))
        assert f"Installing into {prefix}\n" in development.output("make", "install")
        commit(project.path, "Start")
        return development

    return develop_once


@pytest.fixture
def development(
    combination: Combination, develop: Callable[[Combination], Development]
) -> Development:
    """The development environment of the test's combination; tests have to undo their edits."""
    return develop(combination)


@each(DEVELOPED)
def test_poetry_uses_the_active_environment(development: Development) -> None:
    assert development.output("poetry", "env", "info", "--path").strip() == str(development.prefix)


@pytest.mark.slow("runs all tests of a project")
@each(DEVELOPED)
def test_the_projects_tests_pass_in_the_conda_environment(development: Development) -> None:
    assert " passed" in development.output("make", "test")


@each(DEVELOPED)
def test_a_second_install_changes_nothing(development: Development) -> None:
    before = development.versions()

    output = development.output("make", "install")

    assert "No dependencies to install or update" in output
    assert development.versions() == before


@each([combination for combination in DEVELOPED if combination in BUILT])
@pytest.mark.usefixtures("docker")
def test_development_and_production_have_the_same_versions(development: Development) -> None:
    here, there = by_name(development.versions()), by_name(versions_in_image(development.project))

    assert {name: here.get(name) for name in there} == there
    assert here.keys() - there.keys() >= {"pytest", "mypy", "ruff", "pre-commit", "pip"}


@each(BUILT)
@pytest.mark.usefixtures("docker")
def test_the_image_contains_the_exported_packages_and_the_project(baked: BakedProject) -> None:
    image = {"python_version": baked.combination.python, "sys_platform": "linux"}
    image |= {"platform_system": "Linux", "implementation_name": "cpython"}
    listed = {f"{SLUG}==0.1.0"}
    for line in (baked.path / "requirements.txt").read_text("utf-8").splitlines():
        if "==" in line:
            pin, _, marker = line.rstrip(" \\").partition(" ; ")
            if Marker(marker).evaluate(image):
                listed.add(pin)

    assert versions_in_image(baked) == listed


@pytest.mark.slow("locks and installs")
@each(DEVELOPED[:1])
def test_removing_a_dependency_uninstalls_its_own_dependencies_and_nothing_of_conda(
    development: Development,
) -> None:
    before = development.versions()
    python = development.output("python", "--version")

    development.run("poetry", "remove", "--group", "dev", "pre-commit")

    removed = {one.partition("==")[0] for one in before - development.versions()}
    assert removed >= {"pre-commit", "cfgv", "identify", "nodeenv", "virtualenv", "distlib"}
    assert not removed & {"pip", "pytest", "structlog", SLUG}
    assert development.output("python", "--version") == python
    assert "pip " in development.output("python", "-m", "pip", "--version")

    development.run("git", "checkout", "--quiet", ".")
    development.run("make", "install")
    assert development.versions() == before


@pytest.mark.slow("locks and installs")
@each(DEVELOPED[:1])
def test_after_poetry_add_one_command_synchronizes_the_files(
    development: Development, request: pytest.FixtureRequest
) -> None:
    request.addfinalizer(lambda: development.run("git", "checkout", "--quiet", "."))

    # The development group has it already, so nothing is installed; it is new in production.
    development.run("poetry", "add", "iniconfig")

    stale = "requirements.txt is out of date with poetry.lock: make requirements"
    assert stale in development.output("make", "check", fails=True)
    development.run("make", "requirements")
    development.run("make", "consistency")
    assert "\niniconfig==" in (development.project.path / "requirements.txt").read_text("utf-8")


@each(DEVELOPED[:1])
def test_a_commit_of_stale_files_fails_until_one_command_fixes_them(
    development: Development, request: pytest.FixtureRequest
) -> None:
    def undo() -> None:
        development.run("pre-commit", "uninstall")
        development.run("git", "reset", "--quiet", "--hard", start)

    start = development.output("git", "rev-parse", "HEAD").strip()
    request.addfinalizer(undo)
    development.run("pre-commit", "install")
    change = ["git", "commit", "--all", "--message", "Change"]
    root = development.project.path
    pyproject, environment = root / "pyproject.toml", root / "environment.yml"
    pyproject.write_text(pyproject.read_text("utf-8").replace('"structlog>=', '"structlog!=1,>='))
    environment.write_text(environment.read_text("utf-8").replace("python=3.", "python=2."))

    assert "Run `poetry lock`" in development.output(*change, fails=True)
    development.run("make", "requirements")
    assert "edit environment.yml, then run: make env" in development.output(*change, fails=True)
    development.run("git", "checkout", "--quiet", "environment.yml")
    development.run(*change)


@each(DEVELOPED[:1])
def test_an_environment_that_poetry_remembers_is_not_mistaken_for_the_active_one(
    development: Development, tmp_path: Path
) -> None:
    remembered = development._replace(
        shell=development.shell | {"POETRY_VIRTUALENVS_PATH": str(tmp_path)}
    )
    outside = remembered._replace(
        shell={n: v for n, v in remembered.shell.items() if not n.startswith("CONDA_")}
    )
    outside.run("poetry", "env", "use", str(interpreter(development.project.combination.python)))

    output = remembered.output("make", "install", fails=True)

    assert f"`poetry env use` has selected another environment: {tmp_path}" in output
    assert "Run: poetry env use system" in output
    remembered.run("poetry", "env", "use", "system")
    assert "poetry sync" in remembered.output("make", "--dry-run", "install")
