"""The steps of the weekly renewal, run as GitHub runs them."""

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.helpers.github import Runner, git
from tests.helpers.harness import ROOT, commit, run

DOCUMENT = yaml.safe_load((ROOT / ".github/workflows/renew.yml").read_text("utf-8"))
UPDATE, PROPOSE = DOCUMENT["jobs"]["update"], DOCUMENT["jobs"]["propose"]
COMPARE = "https://github.example/ann/prices/compare/main...renew?expand=1"
TABLE = "| package | from | to | age in days | changelog |"
# In place of a project: other tests run the real targets.
MAKEFILE = f"""
renew:
\t@test "$$IS_TEMPLATE" = false
\tcp newest.lock poetry.lock
\tcmp --silent newest.lock last.lock || echo '{TABLE}' > renewal.md
check:
\t@echo All checks passed
test:
\t@printf '%100000s\\n1 tested\\n'; ! grep --quiet broken poetry.lock
"""
# Records its arguments and the text; `create` and `edit` fail unless they are allowed. `view`
# prints the state of the newest pull request, if there is one.
GH = """#!/bin/bash
[[ $2 != view ]] || { echo "$STATE"; [[ $STATE ]]; exit; }
printf '%s\\n' "$*" >> "$HOME/gh.txt"
cp "${@: -1}" "$HOME/body.md"
[[ " $ALLOWED " == *" $2 "* ]]
"""


class Outcome(NamedTuple):
    """The result of a run of the workflow."""

    summary: str
    calls: list[str]
    body: str


class Repository:
    """A repository with a lock, on a local stand-in for GitHub."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work, self.remote = folder, folder / "work", folder / "remote.git"
        run("git", "init", "--quiet", "--bare", "--initial-branch", "main", self.remote)
        self.work.mkdir()
        for name in ("poetry.lock", "last.lock"):
            (self.work / name).write_text("last\n")
        (self.work / "Makefile").write_text(MAKEFILE)
        (self.work / ".gitignore").write_text("/renewal.md\n.venv\n")
        self.push("newest.lock", "newest\n")
        programs = folder / "bin"
        programs.mkdir()
        (programs / "gh").write_text(GH)
        (programs / "gh").chmod(0o755)

    def push(self, name: str, text: str) -> None:
        (self.work / name).write_text(text)
        commit(self.work, f"Edit {name}")
        git(self.work, "push", "--quiet", str(self.remote), "HEAD:main")

    def renew(self, allowed: str = "create", state: str = "") -> Outcome:
        """Run the workflow, with `create`, `edit` or neither allowed; it has to pass."""
        gh = {"ALLOWED": allowed, "STATE": state}
        folder = self.folder / f"run-{len(list(self.folder.iterdir()))}"
        first, second = Runner(folder / "update"), Runner(folder / "propose")
        summary = self.run_steps(UPDATE, first, gh)
        if first.output.exists():
            assert first.output.read_text() == "changed=true\n"
            shutil.copytree(first.temp / "renewal", second.temp / "renewal")
            summary += self.run_steps(PROPOSE, second, gh)
        calls, body = second.folder / "gh.txt", second.folder / "body.md"
        return Outcome(
            summary,
            calls.read_text().splitlines() if calls.exists() else [],
            body.read_text() if body.exists() else "",
        )

    def run_steps(self, job: dict[str, Any], runner: Runner, gh: dict[str, str]) -> str:
        """Run the steps of a job, and return its summary."""
        expressions = {
            "github.token": "a-token",
            "secrets.PIP_CONF": "",
            "secrets.CA_PEM": "",
            "github.event.repository.is_template": "false",
            "github.ref_name": "main",
            "github.server_url": "https://github.example",
            "github.repository": "ann/prices",
        }
        path = f"{self.folder / 'bin'}:/usr/local/bin:/usr/bin:/bin"
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                runner.check_out(self.remote)
            script = step.get("run", "")
            # Steps that prepare the machine, which this project does not need.
            if script in {"", "make poetry", "make install"} or "conda" in script:
                continue
            environment = step.get("env", {}) | gh | {"PATH": path}
            result = runner.run(step | {"env": environment}, expressions)
            assert result.returncode == 0, result.stdout + result.stderr
        return runner.summary.read_text() if runner.summary.exists() else ""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_updates_are_proposed_with_the_result_of_the_tests(repository: Repository) -> None:
    outcome = repository.renew()

    (call,) = outcome.calls
    assert "pr create --base main --head renew --title Update the dependencies --body" in call
    assert outcome.body == f"`make check test` passes with these versions.\n\n{TABLE}\n\n"
    assert outcome.summary == outcome.body
    assert git(repository.remote, "show", "renew:poetry.lock") == "newest"
    assert git(repository.remote, "diff", "--name-only", "main", "renew") == "poetry.lock"
    assert git(repository.remote, "show", "main:poetry.lock") == "last"


def test_updates_that_fail_are_proposed_as_such(repository: Repository) -> None:
    repository.push("newest.lock", "broken\n")

    outcome = repository.renew()

    (call,) = outcome.calls
    assert "--title Update the dependencies: checks or tests fail --body-file" in call
    assert "`make check test` **fails**" in outcome.body
    assert "\n1 tested\n" in outcome.body
    assert len(outcome.body) < 65_536  # GitHub accepts no more.
    assert TABLE in outcome.body


def test_nothing_to_update_is_not_a_failure(repository: Repository) -> None:
    repository.push("newest.lock", "last\n")

    outcome = repository.renew()

    assert outcome == Outcome("Every version is the newest that is allowed.\n", [], "")
    assert git(repository.remote, "branch", "--list") == "* main"


def test_an_open_pull_request_is_updated(repository: Repository) -> None:
    repository.renew()
    repository.push("newest.lock", "even newer\n")

    outcome = repository.renew(allowed="edit", state="OPEN")

    create, edit = outcome.calls
    assert create.startswith("pr create ")
    assert edit.startswith("pr edit renew --title Update the dependencies --body-file ")
    assert "compare" not in outcome.summary
    assert git(repository.remote, "show", "renew:poetry.lock") == "even newer"
    assert git(repository.remote, "rev-list", "--count", "main..renew") == "1"


@pytest.mark.parametrize("state", ["", "MERGED", "CLOSED"])
def test_there_is_a_link_if_actions_may_not_open_pull_requests(
    repository: Repository, state: str
) -> None:
    # `gh pr edit` accepts the name of a branch whose pull request is merged, too.
    outcome = repository.renew(allowed="edit", state=state)

    (call,) = outcome.calls
    assert call.startswith("pr create ")
    assert COMPARE in outcome.summary
    assert TABLE in outcome.summary
    assert git(repository.remote, "show", "renew:poetry.lock") == "newest"


@pytest.fixture
def template(tmp_path: Path) -> Path:
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 2026.11.0\n\nThe first.\n")
    commit(folder, "2026.11.0")
    return folder


def link(repository: Repository, template: Path) -> None:
    known = {"template": str(template), "commit": git(template, "rev-parse", "HEAD")}
    repository.push(".cruft.json", json.dumps(known))


@pytest.mark.usefixtures("jq")
def test_a_later_version_of_the_template_is_shown_with_its_changelog(
    repository: Repository, template: Path
) -> None:
    link(repository, template)
    assert "template" not in repository.renew().summary
    later = "# Changelog\n\n## 2026.12.0\n\n- It is better.\n\n## 2026.11.0\n\nThe first.\n"
    (template / "CHANGELOG.md").write_text(later)
    commit(template, "2026.12.0")

    summary = repository.renew().summary

    assert summary.startswith("## A later version of the template\n\n`cruft update` applies it.\n")
    assert "## 2026.12.0\n\n- It is better.\n" in summary
    assert "2026.11.0" not in summary


@pytest.mark.usefixtures("jq")
def test_a_template_that_cannot_be_read_does_not_stop_the_renewal(
    repository: Repository, template: Path
) -> None:
    link(repository, template)
    shutil.rmtree(template)

    outcome = repository.renew()

    assert f"The template's changelog cannot be read from {template}." in outcome.summary
    assert len(outcome.calls) == 1


def test_the_job_that_runs_the_new_versions_has_no_write_access() -> None:
    assert DOCUMENT["permissions"] == {}
    assert UPDATE["permissions"] == {"contents": "read"}
    assert PROPOSE["permissions"] == {"contents": "write", "pull-requests": "write"}
    assert "GH_TOKEN" not in json.dumps(UPDATE)
    assert "make" not in json.dumps(PROPOSE["steps"])
    for job in (UPDATE, PROPOSE):
        for step in job["steps"]:
            assert "${{" not in step.get("run", "")
