"""GitHub's "Use this template" button: the workflow's own steps, run as GitHub runs them."""

import re
from pathlib import Path

from scripts.write_form import NOT_ASKED, form
from tests.helpers.github import DOCUMENT, INPUTS, STEPS, WORKFLOW, Repository, git, pushed_files
from tests.helpers.harness import QUESTIONS, ROOT


def test_the_form_is_written_from_the_questions() -> None:
    assert form() in WORKFLOW.read_text("utf-8"), "Run: .venv/bin/python scripts/write_form.py"


def test_the_form_asks_what_cookiecutter_asks() -> None:
    questions = {
        name: value
        for name, value in QUESTIONS.items()
        if not name.startswith("_") and name not in NOT_ASKED
    }
    labels = QUESTIONS["__prompts__"]

    assert list(INPUTS) == list(questions)
    for name, value in questions.items():
        form = INPUTS[name]
        label = labels[name]["__prompt__"] if isinstance(value, list) else labels[name]
        # A form cannot show a default that follows from another answer; its label does.
        if name == "project_name" or "{{" in value:
            assert re.fullmatch(rf"{re.escape(label)} \(empty: .*\)", form["description"])
            assert "default" not in form
        else:
            assert form["description"] == label
            assert form["default"] == (value[0] if isinstance(value, list) else value)
        assert form.get("options") == (value if isinstance(value, list) else None)


def test_what_the_form_does_not_ask_has_cookiecutters_default(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    passed, log = repository.dispatch()

    assert passed, log
    assert {"ci"} == NOT_ASKED
    assert QUESTIONS["ci"][0] == "github"
    assert ".github/dependabot.yml" in pushed_files(repository)
    assert ".gitlab-ci.yml" not in pushed_files(repository)


def test_answers_reach_the_shell_through_the_environment_only() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", "")


def test_the_commit_only_deletes_workflows_and_names_the_templates_version(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    workflows = {name for name in pushed_files(repository) if name.startswith(".github/workflows/")}

    passed, log = repository.dispatch()

    assert passed, log
    kept = {f".github/workflows/{name}.yml" for name in ("ci", "renew")}
    change = ["diff", "--name-status", "main~1", "main", "--", ".github/workflows"]
    assert git(repository.remote, *change).splitlines() == [
        f"D\t{name}" for name in sorted(workflows - kept)
    ]
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert git(repository.remote, "log", "-1", "--format=%s", "main").endswith(version[1])


def test_the_default_name_of_the_project_is_that_of_the_repository(tmp_path: Path) -> None:
    repository = Repository(tmp_path, name="price-api")

    passed, log = repository.dispatch()

    assert passed, log
    assert b'name = "price-api"' in pushed_files(repository)["pyproject.toml"]


def test_a_name_with_spaces_and_quotes_arrives_unchanged(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    description = "It's \"5 o'clock\" for $HOME, `id` and $(id) {{ '{{' }} 100 %"

    passed, log = repository.dispatch(
        {"project_name": 'Ann\'s "big" app', "project_slug": "big-app", "description": description}
    )

    assert passed, log
    quoted = description.replace('"', '\\"')
    assert f'description = "{quoted}"'.encode() in pushed_files(repository)["pyproject.toml"]


def test_invalid_answers_are_explained_and_leave_the_repository_unchanged(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    before = repository.head()

    passed, summary = repository.dispatch({"package_name": "class", "author_email": "$(id)"})

    assert not passed
    assert summary.startswith(
        """~~~
No project was made.

Package, as Python imports it
  given  'class'
  rule   This is a word of the Python language.
  try    'class_app'

E-mail of the author
  given  '$(id)'
  rule   One address, such as ann@example.com.
  try    'you@example.com'
~~~
"""
    )
    assert repository.head() == before


def test_an_invalid_choice_fails_and_leaves_the_repository_unchanged(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    before = repository.head()

    passed, summary = repository.dispatch({"application": "job; touch made"})

    assert not passed
    assert "job; touch made provided for choice variable application" in summary
    assert not list(tmp_path.rglob("made"))
    assert repository.head() == before


def test_files_that_were_added_since_are_kept(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    repository.commit("notes.md", "Call Ann.\n")

    passed, log = repository.dispatch()

    assert passed, log
    assert pushed_files(repository)["notes.md"] == b"100644 Call Ann.\n"
    assert "cookiecutter.json" not in pushed_files(repository)


def test_a_push_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    passed, log = repository.dispatch(before_push=lambda: repository.commit("notes.md", "Ann\n"))

    assert not passed
    assert "rejected" in log
    assert "pushed in the meantime, run this again" in log
    assert git(repository.remote, "log", "-1", "--format=%s", "main") == "Add notes.md"


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    assert repository.dispatch()[0]
    before = repository.head()

    passed, log = repository.dispatch()

    assert not passed
    assert "is a project already" in log
    assert repository.head() == before


def test_the_template_itself_is_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    before = repository.head()

    passed, log = repository.dispatch(is_template=True)

    assert not passed
    assert "This is the template" in log
    assert repository.head() == before


def test_a_copy_of_the_template_with_its_history_is_refused(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    git(repository.work, "checkout", "--quiet", "--orphan", "grown")
    git(repository.work, "rm", "--quiet", "--cached", str(WORKFLOW.relative_to(ROOT)))
    git(repository.work, "commit", "--quiet", "--message", "Begin the template")
    git(repository.work, "push", "--quiet", "--force", str(repository.remote), "HEAD:main")
    repository.commit("notes.md", "Now with the form.\n")
    before = repository.head()

    passed, summary = repository.dispatch()

    assert not passed
    assert "a copy of it with its history" in summary
    assert repository.head() == before


def test_the_workflow_may_push_and_start_workflows_and_nothing_else() -> None:
    assert DOCUMENT["permissions"] == {}
    (job,) = DOCUMENT["jobs"].values()
    assert job["permissions"] == {"contents": "write", "actions": "write"}
