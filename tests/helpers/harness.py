"""Combinations, baked projects, and the interpreters and Docker of this machine."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple, NoReturn

import findpython
import pytest

from tests.helpers.pip_settings import index_variables

# `make test` exports its variables to every make below it, but a project's must not get them, nor
# those of the same names in the shell.
for it in ("ARGS", "IMAGE", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PORT", "PYTHON"):
    os.environ.pop(it, None)
# The tests commit under a fixed name, so that they run on a machine without a git identity.
for role in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{role}_NAME"] = "A Person"
    os.environ[f"GIT_{role}_EMAIL"] = "person@example.com"

ROOT = Path(__file__).parents[2]
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
SLUG, PACKAGE = "my-application", "my_application"


TIMEOUT_SECONDS = 900
"""Enough for any command on a slow machine; one that hangs only fails its test."""


class Combination(NamedTuple):
    """An application on a Python version; its lock and image do not depend on the other answers."""

    application: str
    python: str
    deployment: str = QUESTIONS["deployment"][0]
    ci: str = QUESTIONS["ci"][0]

    def __str__(self) -> str:
        return f"{self.application}-py{self.python}"

    @property
    def kind(self) -> str:
        """`service` or `job`."""
        return str(QUESTIONS["_kinds"][self.application])

    @property
    def answers(self) -> dict[str, str]:
        """The answers that bake it."""
        return {
            "application": self.application,
            "python_version": self.python,
            "deployment": self.deployment,
            "ci": self.ci,
        }


COMBINATIONS = [
    Combination(application, python)
    for application, python in product(QUESTIONS["application"], QUESTIONS["python_version"])
    if python not in QUESTIONS["_refused"].get(application, {})
]
# The tests of images leave out the oldest Python, whose image would show nothing new.
BUILT = [one for one in COMBINATIONS if one.python != QUESTIONS["python_version"][-1]]
KUBERNETES = [
    Combination(application, QUESTIONS["python_version"][0], "kubernetes")
    for application in QUESTIONS["application"]
]
# Every application with each CI but the default one.
OTHER_CI = [one._replace(ci=ci) for one in KUBERNETES for ci in QUESTIONS["ci"][1:]]
needs_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limits.")
each_application = pytest.mark.parametrize("application", QUESTIONS["application"])


def each(
    combinations: list[Combination], scope: Literal["module"] | None = None
) -> pytest.MarkDecorator:
    """Parametrize a test with combinations; one worker runs all tests of a combination."""
    if not combinations:
        nothing = pytest.param(None, id="none", marks=pytest.mark.skip(no_combination()))
        return pytest.mark.parametrize("combination", [nothing], scope=scope)
    usual = {QUESTIONS["deployment"][0], QUESTIONS["ci"][0]}
    names = [
        "-".join([str(it), *(one for one in (it.deployment, it.ci) if one not in usual)])
        for it in combinations
    ]
    return pytest.mark.parametrize("combination", combinations, ids=names, scope=scope)


each_combination = each(COMBINATIONS)


@dataclass(frozen=True)
class BakedProject:
    """A project straight after baking; tests that change it work on a copy."""

    path: Path
    combination: Combination

    def run(
        self, *command: str | Path, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; see `run`."""
        return run(*command, check=check, cwd=self.path, env=env)

    def files(self) -> set[str]:
        """Return the path of every file, relative to the project."""
        return {
            path.relative_to(self.path).as_posix()
            for path in self.path.rglob("*")
            if not path.is_dir()
        }


def run(
    *command: str | Path,
    check: bool = True,
    cwd: Path | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command; fail the test with its whole output if it does not exit with 0."""
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=env,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        printed = (error.stdout or b"") + (error.stderr or b"")
        pytest.fail(f"{error}\n{printed.decode(errors='replace')}")
    if check and result.returncode:
        pytest.fail(
            f"{' '.join(map(str, command))}: exit status {result.returncode}\n"
            f"{result.stdout}\n{result.stderr}"
        )
    return result


def tool(name: str) -> Path:
    """Return the path of a program beside the interpreter of the tests."""
    return Path(sys.executable).with_name(name)


def activated_env(venv: Path) -> dict[str, str]:
    """Return the environment of a shell in which `venv` is active, and Poetry on PATH."""
    path = [venv / "bin", Path(sys.executable).parent, os.environ["PATH"]]
    return os.environ | {"VIRTUAL_ENV": str(venv), "PATH": os.pathsep.join(map(str, path))}


def uv_pip_install(venv: Path, *arguments: str | Path) -> None:
    """Install into a venv as `pip install` does, in a fraction of its time."""
    command = ["pip", "install", "--python", venv / "bin" / "python", *arguments]
    run(tool("uv"), *command, env=os.environ | index_variables())


def install_locked(project: Path, venv: Path, python: Path) -> None:
    """Create a venv with every package of the project's lock, and the project itself."""
    requirements = venv.with_suffix(".txt")
    run(*poetry("export", "--all-groups", "--output", str(requirements)), cwd=project)
    run(tool("uv"), "venv", "--python", python, venv)
    uv_pip_install(venv, "--no-deps", "--require-hashes", "--requirement", requirements)
    uv_pip_install(venv, "--no-deps", "--editable", project)


def poetry(*arguments: str) -> list[str]:
    """Return a command line of the Poetry beside cookiecutter."""
    return [sys.executable, "-m", "poetry", "--no-ansi", *arguments]


def skip_or_fail(reason: str, *, required: bool) -> NoReturn:
    """Skip a test that this machine cannot run, or fail it if it is required to run."""
    if required:
        pytest.fail(f"This must run here, but: {reason}")
    pytest.skip(reason)


def unshare_command(*options: str) -> list[str]:
    """Return the command that runs another one in new namespaces; skip if that is not allowed."""
    command = ["unshare", "--map-root-user", *options]
    if shutil.which("unshare") is None or run(*command, "true", check=False).returncode:
        required = os.environ.get("REQUIRE_UNSHARE") == "1"
        skip_or_fail("unshare cannot create namespaces here.", required=required)
    return command


def no_combination() -> str:
    """Return why no combination remains for a test."""
    template = ", ".join(QUESTIONS["python_version"])
    return f"No combination remains: of Python {template}, this machine has {PYTHONS or 'none'}."


def first_or_skip(combinations: list[Combination]) -> Combination:
    """Return the first combination, or skip a module that needs one."""
    if not combinations:
        pytest.skip(no_combination(), allow_module_level=True)
    return combinations[0]


@cache
def _template_commit() -> TemporaryDirectory[str]:
    """Create a repository whose only commit is the template, with uncommitted edits."""
    created = TemporaryDirectory()
    folder = Path(created.name, "template")  # Unlike its parent, readable by others.
    run("git", "init", "--quiet", "--initial-branch", "main", folder)
    # Through the new repository, for the template may be an unpacked .zip and not a repository.
    options = [f"--git-dir={folder / '.git'}", f"--work-tree={ROOT}"]
    names = run("git", *options, "ls-files", "-z", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, names.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    commit(folder, "Initial commit")
    return created


def working_tree(folder: Path) -> Path:
    """Copy the repository of `_template_commit`, which is created once per worker."""
    return shutil.copytree(Path(_template_commit().name, "template"), folder)


def commit(folder: Path, message: str) -> None:
    """Commit everything in a folder, which becomes a repository if it is none yet."""
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    run("git", "commit", "--quiet", "--message", message, cwd=folder)


@cache
def interpreter(python: str) -> Path | None:
    """Return the newest interpreter of a minor version on this machine, pyenv's included."""
    # A shim may exist for a version that is not installed, so each candidate has to run; but only
    # those with the version in their name, as running every Python would take seconds.
    found = [
        candidate
        for provider in findpython.Finder().setup_providers()
        for candidate in provider.find_pythons()
        if candidate.executable.name == f"python{python}"
        and candidate.is_valid()
        and not candidate.version.is_prerelease
    ]
    newest = max(found, key=lambda one: one.version, default=None)
    return newest.real_path if newest else None


def another_python(python: str) -> Path:
    """Return an interpreter of another version than the project's; skip if there is none."""
    found = [interpreter(one) for one in QUESTIONS["python_version"] if one != python]
    if "{}.{}".format(*sys.version_info) != python:
        found.append(Path(sys.executable))
    others = [one for one in found if one]
    if not others:
        skip_or_fail(f"This machine has no Python but {python}.", required=False)
    return others[0]


@cache
def docker_problem() -> str | None:
    """Return why Docker cannot be used here, or None if it can."""
    try:
        result = subprocess.run(
            ["docker", "version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"Docker: {error}"
    return None if result.returncode == 0 else f"Docker: {result.stderr.strip()}"


def python_command(python: str, folder: Path) -> list[str | Path]:
    """Return the command for scripts of a folder on a Python version, in Docker if necessary."""
    found = interpreter(python)
    if found:
        return [found, "-S"]
    if problem := docker_problem():
        skip_or_fail(f"There is no Python {python}, and no {problem}", required=False)
    mount = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:{folder}"]
    return [*mount, "--user", f"{os.getuid()}", f"python:{python}-slim-trixie", "python", "-S"]


PYTHONS = [python for python in QUESTIONS["python_version"] if interpreter(python)]
"""The Python versions of the template that this machine has."""
INSTALLABLE = [combination for combination in COMBINATIONS if combination.python in PYTHONS]
"""The combinations that can be installed on this machine."""
ON_NEWEST_PYTHON = [*{one.application: one for one in reversed(INSTALLABLE)}.values()]
"""Each application on the newest Python of this machine that it supports."""
