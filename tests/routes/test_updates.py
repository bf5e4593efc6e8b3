"""Projects take later versions of the template with `cruft update`."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.helpers.cruft import (
    BODY,
    UPDATING,
    WEB_API,
    add_dependency,
    assert_consistent,
    conflicts,
    create,
    cruft,
    edit,
)
from tests.helpers.harness import (
    ON_NEWEST_PYTHON,
    PACKAGE,
    ROOT,
    SLUG,
    Combination,
    activated_env,
    commit,
    each,
    install_locked,
    interpreter,
    poetry,
    run,
    skip_or_fail,
    working_tree,
)

# The first commit with the current layout: until there is a release, updates start here.
FIRST_COMMIT = "3fc3506e72ba33247386d0938f17755d2f937e2a"
APP_PATH = f"src/{PACKAGE}/app.py"
HELLO_PATH = f"src/{PACKAGE}/routes/hello.py"
HELLO = '''"""A route of the user's own."""

from fastapi import APIRouter

router = APIRouter()


@router.get("/hello")
async def hello() -> str:
    """Greet."""
    return "Hello"
'''
TEST_OF_HELLO = f'''"""A test of the user's own."""

from {PACKAGE}.app import create_app
from {PACKAGE}.settings import Settings


def test_the_route_is_served() -> None:
    assert "/hello" in create_app(Settings()).openapi()["paths"]
'''


# The edits of users, by application: the file, the old text and the new one.
EDITS = {
    "web-api": [],
    "model-api": [
        (f"src/{PACKAGE}/model/schema.py", "ge=100, le=300", "ge=100, le=400"),
        ("training/pipeline.py", 'NAME = "penguins"', 'NAME = "our-penguins"'),
    ],
    "job": [
        (f"src/{PACKAGE}/job.py", "max_length=64", "max_length=32"),
        ("tests/test_job.py", "max_errors: int = 20", "max_errors: int = 10"),
    ],
}


def add_our_work(project: Path, application: str) -> None:
    """Work on a project as users do: add a route and its test, or edit files of the template."""
    if application == "web-api":
        (project / HELLO_PATH).write_text(HELLO)
        (project / "tests" / "test_hello.py").write_text(TEST_OF_HELLO)
        serve_hello(project / APP_PATH)
    for path, theirs, ours in EDITS[application]:
        edit(project / path, theirs, ours)
    (project / "README.md").write_text("# Ours\n\nAll is different here.\n")
    edit(project / "src" / PACKAGE / "__init__.py", "__version__ =", "# Ours.\n__version__ =")


def resolve_conflicts(project: Path) -> None:
    """Resolve conflicts with the user's version; the lock is regenerated afterwards."""
    for name in conflicts(project):
        assert name in {"README.md", "poetry.lock", "requirements.txt"}, name
        run("git", "checkout", "--ours", "--", name, cwd=project)
        run("git", "add", name, cwd=project)


def serve_hello(app: Path) -> None:
    """Include the user's route in the application."""
    settings = f"from {PACKAGE}.settings import"
    edit(app, settings, f"from {PACKAGE}.routes.hello import router as hello_router\n{settings}")
    ours = "    app.include_router(health.router)\n"
    edit(app, ours, f"{ours}    app.include_router(hello_router)\n")


def release_working_tree(template: Path) -> None:
    """Commit the working tree as the next version of the template."""
    for path in template.iterdir():
        if path.name != ".git":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    fresh = working_tree(template.with_name("fresh"))
    shutil.rmtree(fresh / ".git")
    shutil.copytree(fresh, template, dirs_exist_ok=True)
    if run("git", "status", "--porcelain", cwd=template).stdout:
        commit(template, "The next version")


def last_release() -> str:
    """Return the newest tag, or the first commit with this layout if there is none."""
    if not (ROOT / ".git").exists():
        skip_or_fail("This is not a clone: it has no earlier version.", required="CI" in os.environ)
    if run("git", "rev-parse", "--is-shallow-repository", cwd=ROOT).stdout.strip() == "true":
        reason = "This clone lacks the history to update from: git fetch --unshallow --tags"
        skip_or_fail(reason, required="CI" in os.environ)
    if run("git", "tag", cwd=ROOT).stdout:
        return run("git", "describe", "--tags", "--abbrev=0", cwd=ROOT).stdout.strip()
    return FIRST_COMMIT


@pytest.mark.slow("locks, installs, and runs the tests of a project")
@each(ON_NEWEST_PYTHON)
def test_an_update_from_the_last_release_keeps_what_users_add_and_edit(
    combination: Combination, venv: Path, tmp_path: Path
) -> None:
    oldest = last_release()
    template = tmp_path / "template"
    run("git", "clone", "--quiet", ROOT, template)
    run("git", "checkout", "--quiet", "-B", "main", oldest, cwd=template)
    answers = {"application": combination.application, "python_version": combination.python}
    project = create(tmp_path, template, **answers)
    commit(project, "Start from the template")
    add_our_work(project, combination.application)
    add_dependency(project, "humanize", activated_env(venv))
    commit(project, "Our work")

    release_working_tree(template)
    cruft(project, "update", "--skip-apply-ask")
    resolve_conflicts(project)
    run(*poetry("lock"), cwd=project, env=activated_env(venv))
    run(*poetry("export", "--output", "requirements.txt"), cwd=project)

    assert_consistent(project)
    if combination.application == "web-api":
        assert (project / HELLO_PATH).read_text() == HELLO
    for path, _, ours in EDITS[combination.application]:
        assert ours in (project / path).read_text("utf-8")
    assert "All is different here." in (project / "README.md").read_text()
    assert "# Ours." in (project / "src" / PACKAGE / "__init__.py").read_text()
    assert re.search(r'^    "humanize', (project / "pyproject.toml").read_text(), re.MULTILINE)
    python = interpreter(combination.python)
    assert python
    install_locked(project, tmp_path / "fresh-venv", python)
    train = ["train"] if combination.application == "model-api" else []
    run("make", *train, "check", "test", cwd=project, env=activated_env(tmp_path / "fresh-venv"))


@pytest.mark.slow("runs cruft again and again")
def test_a_later_version_is_merged_with_the_edits_of_a_user(tmp_path: Path) -> None:
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
    assert_consistent(project)
    assert "up to date" in cruft(project, "check")


@pytest.mark.slow("locks again and again")
@each(WEB_API)
def test_one_command_resolves_a_conflict_in_the_lock(
    combination: Combination, venv: Path, tmp_path: Path
) -> None:
    template = working_tree(tmp_path / "template")
    answers = {"application": combination.application, "python_version": combination.python}
    project = create(tmp_path, template, **answers)
    commit(project, "Start from the template")
    add_dependency(project, "humanize", activated_env(venv))
    commit(project, "Add humanize")
    # The template locks another package, so both sides have changed the lock's hash.
    edit(template / BODY / "pyproject.toml", '    "fastapi', '    "hypothesis>=6",\n    "fastapi')
    run(sys.executable, template / "scripts/relock.py", str(combination))
    commit(template, "A later version")

    output = cruft(project, "update", "--skip-apply-ask")
    assert "poetry.lock" in conflicts(project), output
    assert "Next:" not in output
    command = re.search(r"^(git checkout --ours.*)$", UPDATING.read_text("utf-8"), re.MULTILINE)
    assert command
    run("bash", "-c", command[1], cwd=project, env=activated_env(venv))

    assert_consistent(project)
    locked = (project / "poetry.lock").read_text("utf-8")
    assert 'name = "humanize"' in locked
    assert 'name = "hypothesis"' in locked


@pytest.mark.slow("runs cruft again and again")
def test_an_answer_with_jinja_is_updated_as_the_page_says(tmp_path: Path) -> None:
    template = working_tree(tmp_path / "template")
    found = re.search(r"`(\{\{ '(.*)' \}\})`", UPDATING.read_text("utf-8"))
    assert found
    names = {"project_slug": SLUG, "package_name": PACKAGE}
    project = create(tmp_path, template, description=found[1], **names)
    answer = f'"description": "{found[2]}"'
    edit(project / ".cruft.json", answer, f'"description": "{found[1]}"')
    commit(project, "Start from the template")
    edit(template / BODY / ".gitignore", "dist/", "dist/\nbuild/")
    commit(template, "A later version")

    cruft(project, "update", "--skip-apply-ask")

    assert "build/" in (project / ".gitignore").read_text("utf-8")
    assert f'description = "{found[2]}"' in (project / "pyproject.toml").read_text("utf-8")
    assert answer in (project / ".cruft.json").read_text("utf-8")
