"""Rendering from a shell: with cookiecutter alone, without a network, with any Poetry."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.helpers.harness import (
    QUESTIONS,
    ROOT,
    SLUG,
    each_application,
    run,
    tool,
    unshare_command,
    uv_pip_install,
    working_tree,
)

KEPT = "exported at the template's release, from poetry.lock"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cookiecutter of a venv without any other package."""
    venv = tmp_path_factory.mktemp("alone") / "venv"
    constraint = ROOT / "requirements.txt"
    run(tool("uv"), "venv", "--python", sys.executable, venv)
    # Only the versions of the export: constraints cannot have hashes.
    pins = [
        line.partition(" \\")[0] for line in constraint.read_text().splitlines() if "==" in line
    ]
    constraint = venv / "constraints.txt"
    constraint.write_text("\n".join(pins))
    uv_pip_install(venv, "--constraint", constraint, "cookiecutter")
    return venv / "bin" / "cookiecutter"


def render(
    cookiecutter: Path, folder: Path, *answers: str, before: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Render into `folder`, with only `folder/bin` and the system's own programs on PATH."""
    environment = {
        "HOME": str(folder / "home"),
        "PATH": os.pathsep.join([str(folder / "bin"), "/usr/bin", "/bin"]),
    }
    command = [str(cookiecutter), "--no-input", "--output-dir", str(folder), str(ROOT), *answers]
    return run(*before, *command, cwd=folder, env=environment)


def write_poetry(folder: Path, script: str) -> None:
    """Write a program named poetry to the PATH of `render`."""
    path = folder / "bin" / "poetry"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def requirements(folder: Path) -> bytes:
    return (folder / SLUG / "requirements.txt").read_bytes()


def shipped(application: str) -> bytes:
    name = f"{application}-py{QUESTIONS['python_version'][0]}"
    return (ROOT / "templates/locks" / name / "requirements.txt").read_bytes()


@each_application
def test_cookiecutter_alone_renders_without_a_network(
    alone: Path, tmp_path: Path, application: str
) -> None:
    offline = unshare_command("--net")

    output = render(alone, tmp_path, f"application={application}", before=offline).stdout

    assert f"{SLUG}: a {application} on Python 3.14" in output
    assert f"{KEPT}; there is no Poetry here" in output
    assert f"  cd {tmp_path / SLUG}\n" in output
    assert requirements(tmp_path) == shipped(application)


def test_poetry_on_path_exports(alone: Path, tmp_path: Path) -> None:
    write_poetry(tmp_path, f'exec {tool("poetry")} "$@"')

    output = render(alone, tmp_path).stdout

    assert "exported just now, with Poetry" in output
    assert requirements(tmp_path) == shipped(QUESTIONS["application"][0])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            "printf '\\nThe command export does not exist.\\n\\nDocumentation: x\\n' >&2; exit 1",
            "`poetry export` failed: The command export does not exist. Documentation: x\n",
        ),
        ("kill -9 $$", "`poetry export` failed: exit status -9"),
        (
            "printf 'Traceback (most recent call last):\\n  x\\nImportError: cleo\\n' >&2; exit 1",
            "`poetry export` failed: ImportError: cleo\n",
        ),
        (
            'printf "pyproject.toml is invalid:\\n  - x\\n" >&2; exit 1',
            "`poetry export` failed: pyproject.toml is invalid: - x\n",
        ),
        (
            'echo half > "$4"; echo "disk full" >&2; exit 1',
            "`poetry export` failed: disk full",
        ),
        ("exit 0", "`poetry export` failed: exit status 0"),
        ('printf "" > "$4"', "`poetry export` failed: exit status 0"),
    ],
    ids=[
        "no plugin",
        "killed",
        "broken",
        "old",
        "fails half-way",
        "writes nothing",
        "writes an empty file",
    ],
)
def test_a_poetry_that_cannot_export_leaves_the_project_complete(
    alone: Path, tmp_path: Path, script: str, reason: str
) -> None:
    write_poetry(tmp_path, script)

    output = render(alone, tmp_path).stdout

    assert KEPT in output
    assert reason in output
    assert "poetry export --without-urls --output requirements.txt" in output
    assert requirements(tmp_path) == shipped(QUESTIONS["application"][0])
    assert [path.name for path in (tmp_path / SLUG).glob("*.fresh")] == []


@pytest.mark.parametrize(("system", "python"), [("Windows_NT", "python"), ("", "python3")])
def test_make_new_starts_the_python_of_the_system(system: str, python: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHON"}
    command = ["make", "--dry-run", "--always-make", "new"]

    # On Windows, `python3` only opens the Microsoft Store.
    output = run(*command, cwd=ROOT, env=environment | {"OS": system}).stdout
    assert f"\n{python} -m venv --clear .venv-new\n" in output


@pytest.mark.slow("installs cookiecutter")
@pytest.mark.usefixtures("index")
def test_make_new_installs_cookiecutter_and_nothing_else(tmp_path: Path) -> None:
    template = working_tree(tmp_path / "template")

    run("make", "new", "ARGS=--no-input --output-dir ..", cwd=template)

    assert (tmp_path / SLUG / "pyproject.toml").is_file()
    needed = re.findall("(?m)^([a-z0-9-]+)==", (template / "requirements-new.txt").read_text())
    listed = run(template / ".venv-new/bin/python", "-m", "pip", "list", "--format=freeze").stdout
    installed = re.findall("(?m)^(.+)==", listed.replace("_", "-").lower())
    assert set(installed) - {"pip", "setuptools"} == set(needed)
    assert not (template / ".venv").exists()


def test_make_new_accepts_answers_in_an_unpacked_zip_in_any_folder(tmp_path: Path) -> None:
    unpacked = working_tree(tmp_path / "Größe 10" / "template-main")
    shutil.rmtree(unpacked / ".git")
    # Replaces `make cookiecutter`.
    (unpacked / ".venv-new").mkdir()
    (unpacked / ".venv-new" / "bin").symlink_to(Path(sys.executable).parent)
    (unpacked / ".venv-new" / "installed").touch()

    run("make", "new", "ARGS=--no-input --output-dir .. application=job", cwd=unpacked)

    assert (tmp_path / "Größe 10" / SLUG / "data" / "orders.csv").is_file()
