"""What the tests use: combinations, baked projects, the machine's interpreters and Docker."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path
from typing import NamedTuple, NoReturn

import findpython
import pytest

from tests.helpers.pip_settings import index_variables

# `make test` hands its variables to every make below it; a project's make is not to have them.
for name in ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS", "PYTHON"):
    os.environ.pop(name, None)
# The tests commit as nobody in particular, so a machine without a git identity will do.
for role in ("AUTHOR", "COMMITTER"):
    os.environ[f"GIT_{role}_NAME"] = "A Person"
    os.environ[f"GIT_{role}_EMAIL"] = "person@example.com"

ROOT = Path(__file__).parents[2]
QUESTIONS = json.loads((ROOT / "cookiecutter.json").read_text("utf-8"))
SLUG, PACKAGE = "my-application", "my_application"


MOST_SECONDS = 900
"""What a command may take on a slow machine; one that hangs fails its test, and no more."""


class Combination(NamedTuple):
    """An application on a Python version; its lock and its image do not depend on the rest."""

    application: str
    python: str
    deployment: str = QUESTIONS["deployment"][0]
    ci: str = QUESTIONS["ci"][0]

    def __str__(self) -> str:
        return f"{self.application}-py{self.python}"

    @property
    def kind(self) -> str:
        """What the application is: a service, which listens, or a job, which ends."""
        return str(QUESTIONS["_kinds"][self.application])

    @property
    def answers(self) -> dict[str, str]:
        """What to answer for it."""
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
# The tests build on the official images of all but the oldest, which differs in nothing that an
# image shows.
BUILT = [one for one in COMBINATIONS if one.python != QUESTIONS["python_version"][-1]]
KUBERNETES = [
    Combination(application, QUESTIONS["python_version"][0], "kubernetes")
    for application in QUESTIONS["application"]
]
# Each answer to the question of CI that is not the default, with every application once.
OTHER_CI = [one._replace(ci=ci) for one in KUBERNETES for ci in QUESTIONS["ci"][1:]]
needs_posix = pytest.mark.skipif(os.name != "posix", reason="Windows has no such limits.")
each_application = pytest.mark.parametrize("application", QUESTIONS["application"])


def each(combinations: list[Combination]) -> pytest.MarkDecorator:
    """Run a test for each combination; what one of them needs is made once, by one worker."""
    usual = {QUESTIONS["deployment"][0], QUESTIONS["ci"][0]}
    names = [
        "-".join([str(it), *(one for one in (it.deployment, it.ci) if one not in usual)])
        for it in combinations
    ]
    return pytest.mark.parametrize("combination", combinations, ids=names)


each_combination = each(COMBINATIONS)


@dataclass(frozen=True)
class BakedProject:
    """A project as it is straight after baking; tests that change it work on a copy."""

    path: Path
    combination: Combination

    def run(
        self, *command: str | Path, check: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; a failure shows its whole output."""
        return run(*command, check=check, cwd=self.path, env=env)

    def files(self) -> set[str]:
        """Every file, relative to the project."""
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
    """Run a command; fail the test with its whole output where it does not end with 0."""
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            env=env,
            timeout=MOST_SECONDS,
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
    """A program that stands beside the interpreter of the tests."""
    return Path(sys.executable).with_name(name)


def activated(venv: Path) -> dict[str, str]:
    """The environment of a shell in which `venv` is active, and Poetry is on PATH."""
    path = [venv / "bin", Path(sys.executable).parent, os.environ["PATH"]]
    return os.environ | {"VIRTUAL_ENV": str(venv), "PATH": os.pathsep.join(map(str, path))}


def uv_pip_install(venv: Path, *arguments: str | Path) -> None:
    """Install into a venv as `pip install` does, in a fraction of its time."""
    command = ["pip", "install", "--python", venv / "bin" / "python", *arguments]
    run(tool("uv"), *command, env=os.environ | index_variables())


def install_locked(project: Path, venv: Path, python: Path) -> None:
    """Make a venv with all that the project's lock names, and the project itself."""
    requirements = venv.with_suffix(".txt")
    run(*poetry("export", "--all-groups", "--output", str(requirements)), cwd=project)
    run(tool("uv"), "venv", "--python", python, venv)
    uv_pip_install(venv, "--no-deps", "--require-hashes", "--requirement", requirements)
    uv_pip_install(venv, "--no-deps", "--editable", project)


def poetry(*arguments: str) -> list[str]:
    """The command line of the Poetry that stands beside cookiecutter."""
    return [sys.executable, "-m", "poetry", "--no-ansi", *arguments]


def unavailable(reason: str, *, required: bool) -> NoReturn:
    """Skip a test that this machine cannot run, or fail it where it must run."""
    if required:
        pytest.fail(f"This must run here, but: {reason}")
    pytest.skip(reason)


def working_tree(folder: Path) -> Path:
    """Make a repository whose one commit is the template as it is here, edits included."""
    run("git", "init", "--quiet", "--initial-branch", "main", folder)
    # By this repository's eyes: a .zip of the template is none itself.
    seen = [f"--git-dir={folder / '.git'}", f"--work-tree={ROOT}"]
    names = run("git", *seen, "ls-files", "-z", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, names.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    commit(folder, "Initial commit")
    return folder


def commit(folder: Path, message: str) -> None:
    """Commit all that is in the folder, making it a repository where it is none."""
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    run("git", "commit", "--quiet", "--message", message, cwd=folder)


@cache
def interpreter(python: str) -> Path | None:
    """The newest interpreter of this minor version that the machine has, pyenv's included."""
    # A shim answers for versions that it does not have, so each candidate has to run; only those
    # with the version in their name, for running every Python of the machine takes seconds.
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
    """An interpreter that a project of this version refuses; skip where there is none."""
    found = [interpreter(one) for one in QUESTIONS["python_version"] if one != python]
    if "{}.{}".format(*sys.version_info) != python:
        found.append(Path(sys.executable))
    others = [one for one in found if one]
    if not others:
        unavailable(f"This machine has no Python but {python}.", required=False)
    return others[0]


@cache
def docker_problem() -> str | None:
    """Why Docker cannot be used here, or None where it can."""
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


def program(python: str, folder: Path) -> list[str | Path]:
    """How to run a script of this folder with a Python of this version; Docker has every one."""
    found = interpreter(python)
    if found:
        return [found, "-S"]
    if problem := docker_problem():
        unavailable(f"There is no Python {python}, and no {problem}", required=False)
    mount = ["docker", "run", "--rm", "--network", "none", "--volume", f"{folder}:{folder}"]
    return [*mount, "--user", f"{os.getuid()}", f"python:{python}-slim-trixie", "python", "-S"]


PYTHONS = [python for python in QUESTIONS["python_version"] if interpreter(python)]
"""Those of the template's that this machine has."""
HERE = [combination for combination in COMBINATIONS if combination.python in PYTHONS]
"""The combinations that can be installed on this machine."""
