"""cookiecutter and cruft from the command line: what they accept, refuse and print."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config

from tests.helpers.answers import KEYS
from tests.helpers.harness import QUESTIONS, ROOT, SLUG, commit, needs_posix, run, tool


def environment(folder: Path, *path: Path) -> dict[str, str]:
    """Return an environment with an empty home directory, and without Poetry."""
    folders = [*path, "/usr/bin", "/bin"]
    return {"HOME": str(folder / "home"), "PATH": os.pathsep.join(map(str, folders))}


def cookiecutter(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run cookiecutter in a folder."""
    program = tool("cookiecutter")
    return run(program, *arguments, cwd=folder, check=False, env=environment(folder))


@needs_posix
def test_the_suggested_command_makes_the_project(tmp_path: Path) -> None:
    name = """O'Hara's "100 %" \\ {{ 7 * 7 }} {% x %} `touch y` $(touch z) $HOME ! 🚀 é"""
    refused = cookiecutter(
        tmp_path,
        str(ROOT),
        "--no-input",
        *["--output-dir", str(tmp_path / "a folder")],
        "project_name={{ '" + "".join(f"\\U{ord(char):08x}" for char in name) + "' }}",
        "project_slug=../x",
        "application=job",
    )
    assert refused.returncode == 1
    command = refused.stderr.partition("as the defaults:\n")[2].splitlines()[0]
    assert command.startswith("cookiecutter ")

    # Press Enter at each question.
    result = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path,
        env=environment(tmp_path, Path(sys.executable).parent),
        input="\n" * len(KEYS),
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    (project,) = (tmp_path / "a folder").iterdir()
    assert project.name == "x"
    assert (project / "data" / "orders.csv").is_file()
    metadata = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    assert metadata["name"] == "x"
    assert not list(tmp_path.glob("[yz]"))
    title = (project / "README.md").read_text("utf-8").splitlines()[0]
    assert title.replace("\\\\", "\0").replace("\\", "").replace("\0", "\\") == f"# {name}"


@pytest.mark.parametrize(
    ("argument", "rendered"),
    [("{{ 7 * 7 }}", "49"), ("{{ '{{ 7 * 7 }} {% x %}' }}", "{{ 7 * 7 }} {% x %}")],
)
def test_cookiecutter_renders_the_command_line_before_any_hook_runs(
    argument: str, rendered: str
) -> None:
    questions = generate_context(
        str(ROOT / "cookiecutter.json"), extra_context={"project_name": argument}
    )

    assert prompt_for_config(questions, no_input=True)["project_name"] == rendered


def test_an_invalid_choice_in_a_config_file_is_ignored() -> None:
    with pytest.warns(UserWarning, match="cli provided for choice variable application"):
        questions = generate_context(
            str(ROOT / "cookiecutter.json"), default_context={"application": "cli"}
        )

    answers = prompt_for_config(questions, no_input=True)
    assert answers["application"] == QUESTIONS["application"][0]


@pytest.mark.parametrize(
    "argument",
    ["application=cli", "python_version=3.11", "project_name={{ x", "project_name={{ x }}"],
)
def test_what_cookiecutter_refuses_leaves_nothing_behind(argument: str, tmp_path: Path) -> None:
    result = cookiecutter(tmp_path, str(ROOT), "--no-input", argument)

    assert result.returncode == 1
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == []


def test_an_existing_folder_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / SLUG).mkdir()

    result = cookiecutter(tmp_path, str(ROOT), "--no-input")

    assert result.returncode == 1
    assert f'"{SLUG}" directory already exists' in result.stdout
    assert list((tmp_path / SLUG).iterdir()) == []


def test_cruft_prints_the_same_message(tmp_path: Path) -> None:
    template = tmp_path / "template"
    shutil.copytree(ROOT, template, ignore=shutil.ignore_patterns(".*", "tests", "benchmarks"))
    commit(template, "Initial commit")
    out = tmp_path / "out"
    out.mkdir()

    context = json.dumps({"project_slug": "a/b/c"})
    arguments = ["--no-input", "--output-dir", str(out), "--extra-context", context]
    cruft = [str(tool("cruft")), "create", str(template)]
    result = run(*cruft, *arguments, check=False, env=environment(tmp_path))

    assert result.returncode == 1
    assert "given  'a/b/c'" in result.stderr
    assert list(out.iterdir()) == []
