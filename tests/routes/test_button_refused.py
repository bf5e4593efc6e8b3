"""GitHub's button if a push is refused or fails, and the CI of the new project."""

from pathlib import Path

import pytest
import yaml

from tests.helpers.github import Repository, git, pushed_files
from tests.helpers.harness import ROOT


def test_the_ci_of_the_pushed_project_is_started(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    passed, summary = repository.dispatch()

    assert passed
    assert repository.runner.calls() == ["gh workflow run ci.yml --ref main"]
    assert "The project is on main." in summary
    assert "Its CI has started" in summary


def test_a_ci_that_cannot_be_started_is_reported_and_nothing_else_fails(tmp_path: Path) -> None:
    repository = Repository(tmp_path)

    passed, summary = repository.dispatch(gh="exit 1")

    assert passed
    assert "The project is on main." in summary
    assert "choose *CI* and press *Run workflow*" in summary
    assert "has started" not in summary


def test_a_default_branch_with_another_name_works(tmp_path: Path) -> None:
    repository = Repository(tmp_path, branch="trunk")

    passed, summary = repository.dispatch()

    assert passed, summary
    assert "The project is on trunk." in summary
    assert "cookiecutter.json" not in pushed_files(repository)
    assert repository.runner.calls() == ["gh workflow run ci.yml --ref trunk"]


def test_a_branch_with_a_rule_gets_a_pull_request(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    before = repository.head()
    repository.refuse("main", "GH013: Changes must be made through a pull request.")

    passed, summary = repository.dispatch()

    assert passed, summary
    assert repository.head() == before
    assert "GH013: Changes must be made through a pull request." in summary
    assert "https://github.example/owner/shop/compare/main...project-17?expand=1" in summary
    assert "cookiecutter.json" not in pushed_files(repository, "project-17")
    assert repository.runner.calls() == ["gh workflow run ci.yml --ref project-17"]


def test_a_rule_for_every_branch_is_reported_with_what_to_do(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    before = repository.head()
    repository.refuse("*", "GH013: Commits must have verified signatures.")

    passed, summary = repository.dispatch()

    assert not passed
    assert repository.head() == before
    assert summary.count("GH013: Commits must have verified signatures.") == 2
    assert "https://github.example/owner/shop/settings/rules" in summary
    assert "No project was pushed." in summary
    assert repository.runner.calls() == []


def test_updates_of_the_workflows_are_kept(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    # GitHub's token may not change it back.
    repository.commit(".github/workflows/ci.yml", "on: push\n")

    passed, _ = repository.dispatch()

    assert passed
    assert b"on: push\n" in pushed_files(repository)[".github/workflows/ci.yml"]


def test_a_failure_without_a_message_has_a_summary(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    git(repository.work, "rm", "--quiet", ".github/workflows/renew.yml")
    repository.commit("NOTES.md", "The token may not create the workflow again.\n")

    passed, summary = repository.dispatch()

    assert not passed
    assert "No project was pushed." in summary


@pytest.mark.parametrize("name", ["bake", "recipes"])
def test_a_workflow_of_the_template_only_runs_in_the_template(name: str) -> None:
    workflow = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text("utf-8"))

    assert workflow["jobs"][name]["if"] == "github.event.repository.is_template"
