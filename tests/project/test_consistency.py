"""A project's `make consistency`: what it detects, and that its fixes work."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.harness import (
    INSTALLABLE,
    BakedProject,
    Combination,
    activated_env,
    another_python,
    commit,
    first_or_skip,
    interpreter,
    poetry,
    run,
)
from tests.helpers.package_index import add_wheel, pyproject

JOB = first_or_skip([one for one in INSTALLABLE if one.kind == "job"])
PYTHON = interpreter(JOB.python)
STALE = "requirements.txt is out of date with poetry.lock: make requirements"


@pytest.fixture
def project(bake: Callable[[Combination], BakedProject], tmp_path: Path) -> BakedProject:
    """A copy of a baked project, for edits."""
    shutil.copytree(bake(JOB).path, tmp_path / "project")
    return BakedProject(tmp_path / "project", JOB)


@pytest.fixture
def combination() -> Combination:
    return JOB


def edit(project: BakedProject, name: str, pattern: str, replacement: str) -> None:
    path = project.path / name
    text, edits = re.subn(
        pattern, replacement, path.read_text("utf-8"), count=1, flags=re.MULTILINE
    )
    assert edits == 1, pattern
    path.write_text(text, "utf-8")


def run_consistency(
    project: BakedProject, python: Path | None = PYTHON
) -> subprocess.CompletedProcess[str]:
    assert python
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = os.environ | {"PATH": tools}
    return project.run(python, "scripts/consistency.py", check=False, env=shell)


def test_a_fresh_project_is_consistent(project: BakedProject) -> None:
    result = run_consistency(project)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


EDIT_ENVIRONMENT = "edit environment.yml, then run: make env install"
EDIT_DOCKERFILE = "edit Dockerfile, then run: make image"


@pytest.mark.parametrize(
    ("name", "pattern", "replacement", "message"),
    [
        (
            *("environment.yml", r"python=3\.", "python=2."),
            "environment.yml has Python 2.{minor}, pyproject.toml has {right}: " + EDIT_ENVIRONMENT,
        ),
        (
            *("environment.yml", r"^  - python=.*\n", ""),
            "environment.yml names no Python version, pyproject.toml has {right}: "
            + EDIT_ENVIRONMENT,
        ),
        (
            *("Dockerfile", r"PYTHON_VERSION=3\.", "PYTHON_VERSION=2."),
            "Dockerfile has Python 2.{minor}, pyproject.toml has {right}: " + EDIT_DOCKERFILE,
        ),
        (
            *("Dockerfile", r"^FROM python:3\.", "FROM python:2."),
            "Dockerfile has Python 2.{minor}, pyproject.toml has {right}: " + EDIT_DOCKERFILE,
        ),
        (
            *("Dockerfile", r"^ARG PYTHON_VERSION=.*", "ARG PYTHON_VERSION"),
            "Dockerfile names no Python version, pyproject.toml has {right}: " + EDIT_DOCKERFILE,
        ),
        *(
            (
                *("environment.yml", r"^  - git", rf"  - git\n  - {line}"),
                f"environment.yml has {name}, which Poetry installs: remove it, then: make env",
            )
            for line, name in [
                ("pydantic=2", "pydantic"),
                ('"pydantic>=2"', "pydantic"),
                ("typing.extensions", "typing.extensions"),
                ("conda-forge::pydantic >=2", "pydantic"),
                ("Typing_Extensions", "Typing_Extensions"),
                ("pip:\n    - typer==1", "typer"),
            ]
        ),
        ("requirements.txt", r"^typer==.*\n(?: .*\n)*", "", STALE),
        ("requirements.txt", r"--hash=sha256:", "--hash=sha512:", STALE),
        ("requirements.txt", r"\A", "humanize==4.0 \\\\\n    --hash=sha256:1\n", STALE),
        (
            *("requirements.txt", r"^typer==(\S+)", r"typer==\g<1>9"),
            (
                "requirements.txt has typer {typer}9, but poetry.lock has {typer}. "
                "To update the lock: poetry update typer && make requirements"
            ),
        ),
    ],
)
def test_an_inconsistent_file_is_named_with_the_fix(
    project: BakedProject, name: str, pattern: str, replacement: str, message: str
) -> None:
    requirements = (project.path / "requirements.txt").read_text("utf-8")
    facts = {
        "minor": JOB.python.partition(".")[2],
        "right": JOB.python,
        "typer": re.findall(r"^typer==(\S+)", requirements, re.MULTILINE)[0],
    }
    edit(project, name, pattern, replacement)

    result = run_consistency(project)

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == message.format(**facts) + "\n"


def test_a_base_image_may_have_another_name(project: BakedProject) -> None:
    edit(project, "Dockerfile", "^FROM python:", "FROM registry.example/base:")

    assert run_consistency(project).returncode == 0


def test_another_active_python_is_detected(project: BakedProject) -> None:
    python = another_python(JOB.python)

    result = run_consistency(project, python=python)

    ask = "import sys; print('{}.{}'.format(*sys.version_info))"
    active = run(python, "-c", ask).stdout.strip()
    message = f"The active environment has Python {active}, not {JOB.python}: make env install\n"
    assert (result.returncode, result.stderr) == (1, message)


def test_all_inconsistencies_are_reported_at_once(project: BakedProject) -> None:
    edit(project, "environment.yml", r"python=3\.", "python=2.")
    edit(project, "environment.yml", r"^  - git", r"  - git\n  - pydantic")
    edit(project, "Dockerfile", r"PYTHON_VERSION=3\.", "PYTHON_VERSION=2.")
    edit(project, "requirements.txt", r"--hash=sha256:", "--hash=sha512:")

    assert len(run_consistency(project).stderr.splitlines()) == 4


def test_a_stale_lock_is_reported_by_poetry(project: BakedProject) -> None:
    edit(project, "pyproject.toml", '"typer>=', '"typer!=0.1,>=')

    result = run_consistency(project)

    assert result.returncode == 1
    assert "Run `poetry lock` to fix the lock file." in result.stderr
    assert STALE not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.slow("locks four times")
def test_optional_dependencies_are_only_selected_in_the_makefile(
    project: BakedProject, venv: Path
) -> None:
    shell = activated_env(venv)
    project.run(*poetry("add", "--lock", "--optional", "cloud", "iniconfig"), env=shell)
    project.run(*poetry("add", "--lock", "--group", "queue", "humanize"), env=shell)
    optional = r"[tool.poetry.group.queue]\noptional = true\n\n\g<0>"
    edit(project, "pyproject.toml", r"^\[tool\.poetry\.requires-plugins\]$", optional)
    project.run("make", "requirements", "consistency", env=shell)
    requirements = project.path / "requirements.txt"
    assert not re.search("^(?:iniconfig|humanize)==", requirements.read_text(), re.MULTILINE)

    edit(project, "Makefile", r"^OPTIONAL :=$", "OPTIONAL := --extras cloud --with queue")

    stale = project.run("make", "consistency", check=False, env=shell)
    assert stale.returncode
    assert STALE in stale.stderr
    project.run("make", "requirements", "consistency", env=shell)
    assert len(re.findall("^(?:iniconfig|humanize)==", requirements.read_text(), re.MULTILINE)) == 2
    install = project.run("make", "--dry-run", "install", env=shell).stdout
    assert "\npoetry sync --extras cloud --with queue\n" in install


@pytest.mark.slow("locks three times")
def test_poetry_update_locks_the_version_that_a_bot_proposed(
    project: BakedProject, venv: Path
) -> None:
    shell = activated_env(venv)
    proposed = (project.path / "requirements.txt").read_text("utf-8")
    version = re.findall(r"^structlog==(\S+)", proposed, re.MULTILINE)[0]
    edit(project, "pyproject.toml", r'"structlog>=[^"]*"', f'"structlog<{version}"')
    project.run("make", "requirements", env=shell)
    edit(project, "pyproject.toml", r'"structlog<[^"]*"', '"structlog>=20"')
    project.run(*poetry("lock"), env=shell)
    (project.path / "requirements.txt").write_text(proposed, "utf-8")

    message = project.run("make", "consistency", check=False, env=shell).stderr

    command = re.search(
        r"To update the lock: (poetry update structlog && make requirements)", message
    )
    assert command
    project.run("sh", "-c", command[1].replace("update", "update --lock"), env=shell)
    project.run("make", "consistency", env=shell)
    assert (project.path / "requirements.txt").read_text("utf-8") == proposed


def create_package(folder: Path, name: str) -> Path:
    """Create a package in a repository of its own."""
    package = folder / name
    package.mkdir()
    (package / f"{name.replace('-', '_')}.py").touch()
    (package / "pyproject.toml").write_text(pyproject(name))
    commit(package, "Start")
    return package


def test_dependencies_without_an_index_are_reported_before_the_image_fails(
    project: BakedProject, venv: Path, tmp_path: Path
) -> None:
    shell = activated_env(venv)
    repository, folder, edited = (
        create_package(tmp_path, name) for name in ("by-git", "by-folder", "by-edit")
    )
    wheel = add_wheel(tmp_path, "by-file")
    requirements = [
        f"by-git @ git+file://{repository}",
        f"by-folder @ file://{folder}",
        f"by-file @ file://{wheel}",
    ]
    lines = "".join(f'\n    "{one}",' for one in requirements)
    edit(project, "pyproject.toml", r"^dependencies = \[$", rf"\g<0>{lines}")
    project.run(*poetry("add", "--lock", "--editable", str(edited)), env=shell)
    project.run("make", "requirements", env=shell)

    output = project.run("make", "consistency", check=False, env=shell).stderr

    found = re.findall(
        "^The image cannot install (.*), which has no hash or is a local file: "
        r"put its wheel into a package index, see docs/production\.md$",
        output,
        re.MULTILINE,
    )
    by_git, *others = sorted(found, key=lambda line: "git+" not in line)
    assert re.fullmatch(rf"by-git @ git\+file://.*{repository}@[0-9a-f]{{40}}", by_git)
    assert set(others) == {f"-e file://{edited}", *requirements[1:]}
