"""A folder that already contains a project, or cannot contain one."""

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.helpers.answers import bake, prompt_context, render
from tests.helpers.harness import PACKAGE, QUESTIONS, SLUG, needs_posix


def test_an_existing_project_is_untouched_by_wrong_answers(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert bake(prompt_context({}), folder).project
    before = contents(folder)

    wrong = prompt_context({"author_email": "x", "package_name": "class"})
    outcome = bake(wrong, folder, overwrite=True)

    assert "E-mail of the author" in outcome.message
    assert "--overwrite-if-exists" in outcome.message
    assert contents(folder) == before


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "path", ["data/mine.csv", "src/my_application/job.py", "tests/test_job.py"]
)
def test_a_file_of_the_user_with_the_path_of_another_application_is_not_removed(
    path: str, tmp_path: Path
) -> None:
    folder = tmp_path / "sandbox"
    mine = folder / "out" / SLUG / path
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")

    outcome = bake(prompt_context({"application": "web-api"}), folder, overwrite=True)

    assert "Folder" in outcome.message
    assert "It belongs to other answers: it would be lost." in outcome.message
    assert [name for name, _ in contents(folder).items()] == [f"out/{SLUG}/{path}"]


def test_a_project_of_another_application_is_refused_with_each_lost_path(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert bake(prompt_context({"application": "web-api"}), folder).project
    before = contents(folder)

    outcome = bake(prompt_context({"application": "job"}), folder, overwrite=True)

    given = re.findall(r"^  given  (.*)$", outcome.message, re.MULTILINE)
    project = folder / "out" / SLUG
    answers = prompt_context({"application": "job"})
    lost = [
        path
        for pattern, owners in QUESTIONS["_belongs_to"].items()
        if any(answers[question] not in theirs for question, theirs in owners.items())
        and (project / (path := pattern.format(package=PACKAGE))).exists()
    ]
    # Not the files in a folder that would be lost.
    routes = f"src/{PACKAGE}/routes"
    assert routes in lost
    assert given == [repr(path) for path in lost if not path.startswith(f"{routes}/")]
    assert contents(folder) == before


def test_an_existing_project_of_the_same_application_is_rendered_again(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    assert bake(prompt_context({"application": "job"}), folder).project
    (folder / "out" / SLUG / "mine.txt").write_text("mine")

    outcome = bake(prompt_context({"application": "job"}), folder, overwrite=True)

    # The job's own files are no reason to refuse.
    assert outcome.project, outcome.message
    assert (outcome.project / "mine.txt").read_text() == "mine"


def run_hook(folder: Path, before: str) -> str:
    """Run the pre-generation hook in a folder after these lines of Python; return its message."""
    hook = folder.with_suffix(".hook.py")
    context = prompt_context({}) | {"_template": ".", "_output_dir": "."}
    hook.write_text(render("pre_gen_project", context))
    # Imported and read first, as these lines may drop the permission to do so.
    script = f"""
import collections.abc, json, os, pathlib, random, re, resource, shlex, tempfile, unicodedata
source = open({str(hook)!r}).read()
{before}
hook = {{"__name__": "hook"}}
exec(source, hook)
hook["main"]()
"""
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert result.returncode == 1, result.stderr
    return result.stderr


@needs_posix
def test_a_full_disk_gets_a_clear_message(tmp_path: Path) -> None:
    folder = tmp_path / SLUG
    folder.mkdir()

    message = run_hook(folder, "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))")

    assert f"Folder\n  given  {str(folder)[:80]!r:.60}" in message
    assert "  rule   Cannot be written: File too large.\n" in message
    assert list(folder.iterdir()) == []


@needs_posix
def test_a_folder_that_is_not_writable_gets_a_clear_message() -> None:
    # Permissions do not apply to root, so it becomes nobody, who cannot enter root's folders.
    with TemporaryDirectory() as base:
        Path(base).chmod(0o755)
        folder = Path(base) / SLUG
        folder.mkdir(mode=0o555)

        message = run_hook(folder, "os.getuid() or os.setuid(65534)")

    assert "  rule   Cannot be written: Permission denied.\n" in message
