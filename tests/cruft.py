"""cruft, as a user of the template runs it."""

import json
from pathlib import Path

from tests.harness import SLUG, run, tool


def cruft(folder: Path, *arguments: str, check: bool = True) -> str:
    result = run(tool("cruft"), *arguments, cwd=folder, check=check)
    return result.stdout + result.stderr


def create(folder: Path, template: Path, **answers: str) -> Path:
    """`cruft create` with these answers, in a repository of its own as cruft's update needs."""
    context = json.dumps(answers)
    cruft(folder, "create", str(template), "--no-input", "--extra-context", context)
    return folder / SLUG


def commit(folder: Path, message: str) -> None:
    """Commit all that is in the folder, making it a repository where it is none."""
    run("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    identity = ["-c", "user.name=A Person", "-c", "user.email=person@example.com"]
    run("git", *identity, "commit", "--quiet", "--message", message, cwd=folder)
