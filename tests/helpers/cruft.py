"""Run cruft as users of the template do."""

import json
import os
import re
from pathlib import Path

from tests.helpers.answers import KEYS
from tests.helpers.harness import INSTALLABLE, QUESTIONS, ROOT, SLUG, Combination, poetry, run, tool

# The oldest application, which every version of the template has.
WEB_API = [combination for combination in INSTALLABLE if combination.application == "web-api"][:1]
UPDATING = ROOT / "docs" / "updating.md"
BODY = "{{cookiecutter.project_slug}}"


def cruft(folder: Path, *arguments: str, check: bool = True) -> str:
    environment = os.environ | {"PWD": str(folder)}  # As a shell sets it.
    result = run(tool("cruft"), *arguments, cwd=folder, check=check, env=environment)
    return result.stdout + result.stderr


def create(folder: Path, template: Path, **answers: str) -> Path:
    """Run `cruft create` with these answers, and return the project."""
    context = json.dumps(answers)
    cruft(folder, "create", str(template), "--no-input", "--extra-context", context)
    return folder / SLUG


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), "utf-8")


def add_dependency(project: Path, name: str, environment: dict[str, str]) -> None:
    """Add a dependency with Poetry, and export."""
    run(*poetry("add", "--lock", name), cwd=project, env=environment)
    run(*poetry("export", "--output", "requirements.txt"), cwd=project)


def conflicts(project: Path) -> list[str]:
    return run("git", "diff", "--name-only", "--diff-filter=U", cwd=project).stdout.split()


def assert_consistent(project: Path) -> None:
    """Check that nothing was rejected or conflicts, and that the lock and the export agree."""
    assert list(project.rglob("*.rej")) == []
    assert conflicts(project) == []
    for path in ("poetry.lock", "requirements.txt", "pyproject.toml"):
        assert "<<<<<<<" not in (project / path).read_text("utf-8")
    run(*poetry("check", "--lock"), cwd=project)
    export = run(*poetry("export"), cwd=project).stdout
    assert export == (project / "requirements.txt").read_text("utf-8")


def documented_command(start: str, template: Path) -> str:
    """Return the command of docs/updating.md that begins with `start`, for a template on disk."""
    found = re.search(rf"^{start}.*$", UPDATING.read_text("utf-8"), re.MULTILINE)
    assert found, start
    return found[0].replace("gh:OWNER/REPO", str(template))


def link(project: Path, command: str, combination: Combination) -> None:
    """Run `cruft link` with the combination, the other defaults and the default commit."""
    answers = combination.answers
    lines = [str(QUESTIONS[key].index(answers[key]) + 1) if key in answers else "" for key in KEYS]
    typed = "\\n".join([*lines, "", ""])
    shell = f"set -o pipefail; printf '{typed}' | {tool('cruft').parent}/{command}"
    run("bash", "-c", shell, cwd=project)
