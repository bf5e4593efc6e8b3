"""A living project takes later versions of the template, with `cruft update`."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cruft import commit, create, cruft
from tests.harness import (
    COMBINATIONS,
    PACKAGE,
    ROOT,
    BakedProject,
    Combination,
    activated,
    each,
    install_locked,
    interpreter,
    poetry,
    run,
    unavailable,
    working_tree,
)

HERE = [combination for combination in COMBINATIONS if interpreter(combination.python)]
# The oldest application, so that every version of the template has it.
API_HERE = [combination for combination in HERE if combination.application == "web-api"][:1]
UPDATING = ROOT / "docs" / "updating.md"
BODY = "{{cookiecutter.project_slug}}"
HELLO = '''"""A route of the user's own."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/hello")
async def hello() -> str:
    """Greet."""
    return "Hello"
'''


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text, old
    path.write_text(text.replace(old, new, 1), "utf-8")


def release_working_tree(template: Path) -> None:
    """Make what stands here the next version of the template."""
    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    fresh = working_tree(template.with_name("fresh"))
    shutil.rmtree(fresh / ".git")
    shutil.copytree(fresh, template, dirs_exist_ok=True)
    if run("git", "status", "--porcelain", cwd=template).stdout:
        commit(template, "The next version")


def add_dependency(project: Path, name: str, environment: dict[str, str]) -> None:
    """`poetry add` and the export; skip where no index of packages can be reached."""
    result = run(*poetry("add", "--lock", name), cwd=project, env=environment, check=False)
    if result.returncode:
        unavailable(f"Poetry cannot resolve here: {result.stderr}", required="CI" in os.environ)
    run(*poetry("export", "--output", "requirements.txt"), cwd=project)


def conflicts(project: Path) -> list[str]:
    return run("git", "diff", "--name-only", "--diff-filter=U", cwd=project).stdout.split()


def assert_whole(project: Path) -> None:
    """No reject, no conflict, and lock and export agree."""
    assert list(project.rglob("*.rej")) == []
    assert conflicts(project) == []
    for path in ("poetry.lock", "requirements.txt", "pyproject.toml"):
        assert "<<<<<<<" not in (project / path).read_text("utf-8")
    run(*poetry("check", "--lock"), cwd=project)
    export = run(*poetry("export"), cwd=project).stdout
    assert export == (project / "requirements.txt").read_text("utf-8")


@pytest.fixture
def venv(combination: Combination, tmp_path: Path) -> Path:
    """A venv of the combination's Python: Poetry resolves for an active one only."""
    python = interpreter(combination.python)
    assert python
    run(python, "-m", "venv", "--without-pip", tmp_path / "venv")
    return tmp_path / "venv"


def oldest_promise() -> str:
    """The newest tag, or the first commit as long as there is none: what users may have."""
    if run("git", "rev-parse", "--is-shallow-repository", cwd=ROOT).stdout.strip() == "true":
        reason = "This clone lacks the history to update from: git fetch --unshallow --tags"
        unavailable(reason, required="CI" in os.environ)
    tag = run("git", "describe", "--tags", "--abbrev=0", cwd=ROOT, check=False).stdout.strip()
    return tag or run("git", "rev-list", "--max-parents=0", "HEAD", cwd=ROOT).stdout.split()[-1]


@each(API_HERE)
def test_an_update_from_the_last_release_keeps_a_users_route_dependency_and_readme(
    combination: Combination, venv: Path, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    run("git", "clone", "--quiet", ROOT, template)
    run("git", "checkout", "--quiet", "-B", "main", oldest_promise(), cwd=template)
    answers = {"application": combination.application, "python_version": combination.python}
    project = create(tmp_path, template, **answers)
    commit(project, "Start from the template")
    package = project / "src" / PACKAGE
    (package / "api" / "hello.py").write_text(HELLO)
    (project / "README.md").write_text("# Ours\n\nAll is different here.\n")
    edit(package / "__init__.py", "__version__ =", "# Ours.\n__version__ =")
    add_dependency(project, "humanize", activated(venv))
    commit(project, "Our work")

    release_working_tree(template)
    cruft(project, "update", "--skip-apply-ask")
    for name in conflicts(project):
        # What both have rewritten: ours stays; the lock is made anew from pyproject.toml.
        assert name in {"README.md", "poetry.lock", "requirements.txt"}, name
        run("git", "checkout", "--ours", "--", name, cwd=project)
        run("git", "add", name, cwd=project)
    run(*poetry("lock"), cwd=project, env=activated(venv))
    run(*poetry("export", "--output", "requirements.txt"), cwd=project)

    assert_whole(project)
    assert (package / "api" / "hello.py").read_text() == HELLO
    assert "All is different here." in (project / "README.md").read_text()
    assert "# Ours." in (package / "__init__.py").read_text()
    assert re.search(r'^    "humanize', (project / "pyproject.toml").read_text(), re.MULTILINE)
    python = interpreter(combination.python)
    assert python
    install_locked(project, tmp_path / "fresh-venv", python)
    run("make", "check", cwd=project, env=activated(tmp_path / "fresh-venv"))
    run("make", "test", cwd=project, env=activated(tmp_path / "fresh-venv"))


def test_a_later_version_comes_in_beside_a_users_edits(tmp_path: Path) -> None:
    template = working_tree(tmp_path / "template")
    project = create(tmp_path, template)
    assert "up to date" in cruft(project, "check")
    edit(project / "README.md", "## Develop", "Ann's notes.\n\n## Develop")
    edit(project / f"src/{PACKAGE}/logs.py", "import sys\n", "import sys\n# Ann was here.\n")
    commit(project, "Ann's work")
    edit(template / BODY / "README.md", "## Ship", "A later section.\n\n## Ship")
    edit(template / BODY / ".gitignore", "dist/", "dist/\nbuild/")
    commit(template, "A later version")

    assert "out of date" in cruft(project, "check", check=False)
    assert "# Ann was here." in cruft(project, "diff", check=False)
    cruft(project, "update", "--skip-apply-ask")

    readme = (project / "README.md").read_text("utf-8")
    assert "Ann's notes." in readme
    assert "A later section." in readme
    assert "Ann was here" in (project / f"src/{PACKAGE}/logs.py").read_text("utf-8")
    assert "build/" in (project / ".gitignore").read_text("utf-8")
    assert_whole(project)
    assert "up to date" in cruft(project, "check")


@each(API_HERE)
def test_a_conflict_in_the_lock_is_mended_by_one_command(
    combination: Combination, venv: Path, tmp_path: Path
) -> None:
    template = working_tree(tmp_path / "template")
    answers = {"application": combination.application, "python_version": combination.python}
    project = create(tmp_path, template, **answers)
    commit(project, "Start from the template")
    add_dependency(project, "humanize", activated(venv))
    commit(project, "Add humanize")
    # The template needs another package, and has locked it: both have changed the lock's hash.
    edit(template / BODY / "pyproject.toml", '    "fastapi', '    "hypothesis>=6",\n    "fastapi')
    run(sys.executable, template / "scripts/relock.py", str(combination))
    commit(template, "A later version")

    output = cruft(project, "update", "--skip-apply-ask")
    assert "poetry.lock" in conflicts(project), output
    command = re.search(r"^(git checkout --ours.*)$", UPDATING.read_text("utf-8"), re.MULTILINE)
    assert command
    run("bash", "-c", command[1], cwd=project, env=activated(venv))

    assert_whole(project)
    locked = (project / "poetry.lock").read_text("utf-8")
    assert 'name = "humanize"' in locked
    assert 'name = "hypothesis"' in locked


def test_adopting_the_template_changes_nothing_that_is_there(
    tmp_path: Path, bake: Callable[[Combination], BakedProject]
) -> None:
    ours = tmp_path / "ours"
    files = {
        "README.md": "# Ours\n",
        "Dockerfile": "FROM scratch\n",
        "pyproject.toml": '[project]\nname = "ours"\nversion = "3"\n',
        ".github/workflows/ours.yml": "on: push\n",
        f"src/{PACKAGE}/__init__.py": "",
        f"src/{PACKAGE}/prices.py": "VAT = 19\n",
        "tests/test_prices.py": "def test_prices() -> None:\n    assert True\n",
    }
    for name, text in files.items():
        (ours / name).parent.mkdir(parents=True, exist_ok=True)
        (ours / name).write_text(text)
    baked = bake(COMBINATIONS[0])
    command = re.search(r"^(cp .*)$", UPDATING.read_text("utf-8"), re.MULTILINE)
    assert command

    run("bash", "-c", command[1].replace("../baked/my-application", str(baked.path)), cwd=ours)

    for name, text in files.items():
        assert (ours / name).read_text() == text
    there = {path.relative_to(ours).as_posix() for path in ours.rglob("*") if path.is_file()}
    assert there == set(files) | baked.files()
