"""Cookiecutter, cruft and the button give the same project, and cruft takes later versions."""

import json
from pathlib import Path

import pytest
from tests.github import Repository, pushed
from tests.harness import PACKAGE, SLUG, BakedProject, each_combination, run, tool, working_tree


def tree(project: Path) -> dict[str, bytes]:
    """Every file with its mode and bytes, as git would store them."""
    modes = {False: b"100644 ", True: b"100755 "}
    return {
        path.relative_to(project).as_posix(): modes[bool(path.stat().st_mode & 0o100)]
        + path.read_bytes()
        for path in project.rglob("*")
        if path.is_file()
    }


def cruft(folder: Path, *arguments: str, check: bool = True) -> str:
    result = run(tool("cruft"), *arguments, cwd=folder, check=check)
    return result.stdout + result.stderr


def create(folder: Path, template: Path, **answers: str) -> Path:
    """`cruft create` with these answers, in a repository of its own as cruft's update needs."""
    context = json.dumps(answers)
    cruft(folder, "create", str(template), "--no-input", "--extra-context", context)
    return folder / SLUG


@each_combination
def test_the_three_routes_give_the_same_tree(baked: BakedProject, tmp_path: Path) -> None:
    answers = {
        "project_name": "My Application",
        "application": baked.combination.application,
        "python_version": baked.combination.python,
    }
    expected = tree(baked.path)

    created = create(tmp_path, working_tree(tmp_path / "template"), **answers)
    repository = Repository(tmp_path / "github")
    passed, log = repository.dispatch(answers)

    assert passed, log
    assert pushed(repository) == expected
    by_cruft = tree(created)
    del by_cruft[".cruft.json"]
    assert by_cruft == expected


@pytest.fixture
def living(tmp_path: Path) -> tuple[Path, Path]:
    """A project that cruft made, under git, and the template that it came from."""
    template = working_tree(tmp_path / "template")
    project = create(tmp_path, template)
    commit(project, "Start from the template", new=True)
    return project, template


def commit(folder: Path, message: str, *, new: bool = False) -> None:
    if new:
        run("git", "init", "--quiet", "--initial-branch", "main", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    identity = ["-c", "user.name=A Person", "-c", "user.email=person@example.com"]
    run("git", *identity, "commit", "--quiet", "--message", message, cwd=folder)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_a_later_version_of_the_template_comes_in_beside_the_users_edits(
    living: tuple[Path, Path],
) -> None:
    project, template = living
    assert "up to date" in cruft(project, "check")
    edit(project / "README.md", "## Develop", "Ann's notes.\n\n## Develop")
    edit(project / f"src/{PACKAGE}/logs.py", "import sys\n", "import sys\n# Ann was here.\n")
    commit(project, "Ann's work")
    body = template / "{{cookiecutter.project_slug}}"
    edit(body / "README.md", "## Ship", "A later section.\n\n## Ship")
    edit(body / ".gitignore", "dist/", "dist/\nbuild/")
    commit(template, "A later version")

    assert "out of date" in cruft(project, "check", check=False)
    assert "# Ann was here." in cruft(project, "diff", check=False)
    cruft(project, "update", "--skip-apply-ask")

    readme = (project / "README.md").read_text("utf-8")
    assert "Ann's notes." in readme
    assert "A later section." in readme
    assert "Ann was here" in (project / f"src/{PACKAGE}/logs.py").read_text("utf-8")
    assert "build/" in (project / ".gitignore").read_text("utf-8")
    assert list(project.rglob("*.rej")) == []
    assert "up to date" in cruft(project, "check")
