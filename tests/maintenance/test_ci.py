"""The CI of a project: which event runs which job."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.github import CI, Runner, ci_step
from tests.helpers.harness import ROOT, commit, run

JOBS = CI["jobs"]
FORM = ".github/workflows/use-this-template.yml"
# https://github.com/distribution/reference/blob/main/reference.go
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"


class PlanResult(NamedTuple):
    """The result of the first job."""

    passed: bool
    outputs: dict[str, str]
    summary: str


def plan(
    folder: Path,
    *,
    event: str = "push",
    ref: str = "branch main",
    repository: str = "Owner/shop",
    is_template: bool = False,
    files: tuple[str, ...] = (),
    tags: tuple[str, ...] = (),
) -> PlanResult:
    """Run the first job of a project with version 1.2.3."""
    runner = Runner(folder)
    runner.checkout.mkdir()
    pyproject = '[project]\nname = "shop"\nversion = "1.2.3"\n[tool.x]\nversion = "9"\n'
    (runner.checkout / "pyproject.toml").write_text(pyproject)
    for name in files:
        (runner.checkout / name).parent.mkdir(parents=True)
        (runner.checkout / name).write_text("")
    commit(runner.checkout, "Start")
    for tag in tags:
        run("git", "tag", tag, cwd=runner.checkout)
    kind, _, name = ref.partition(" ")
    result = runner.run(
        ci_step("plan", "Decide what runs"),
        {
            "github.event.repository.is_template": str(is_template).lower(),
            "vars.REGISTRY || 'ghcr.io'": "registry.example",
        },
        GITHUB_EVENT_NAME=event,
        GITHUB_REF_TYPE=kind,
        GITHUB_REF_NAME=name,
        GITHUB_REPOSITORY=repository,
    )
    lines = runner.output.read_text().splitlines() if runner.output.exists() else []
    summary = runner.summary.read_text() if runner.summary.exists() else ""
    return PlanResult(not result.returncode, dict(it.split("=", 1) for it in lines), summary)


@pytest.mark.parametrize("event", ["push", "pull_request", "workflow_dispatch"])
def test_each_event_plans_the_tests_and_the_image(tmp_path: Path, event: str) -> None:
    assert plan(tmp_path / "run", event=event).outputs["jobs"] == "test image"


@pytest.mark.parametrize("event", ["push", "pull_request", "schedule", "workflow_dispatch"])
def test_a_copy_of_the_template_is_told_how_to_become_a_project(tmp_path: Path, event: str) -> None:
    planned = plan(tmp_path / "run", event=event, files=(FORM,), tags=("v1.0.0",))

    assert planned.passed
    assert planned.outputs["jobs"] == ""
    assert "run *Use this template* under *Actions*" in planned.summary


def test_the_template_itself_is_tested(tmp_path: Path) -> None:
    planned = plan(tmp_path / "run", is_template=True, files=(FORM,))

    assert planned.outputs["jobs"] == "test image"
    assert planned.summary == ""


def test_a_tag_with_the_version_ships_it(tmp_path: Path) -> None:
    planned = plan(tmp_path / "run", ref="tag v1.2.3")

    assert planned.outputs == {
        "jobs": "test push",
        "version": "1.2.3",
        "image": "registry.example/owner/shop",
    }


@pytest.mark.parametrize("tag", ["v1.2.4", "v1.2", "v1.2.3-rc1"])
def test_a_tag_that_differs_from_the_version_is_refused_before_any_build(
    tmp_path: Path, tag: str
) -> None:
    planned = plan(tmp_path / "run", ref=f"tag {tag}")

    assert not planned.passed
    assert planned.outputs == {}
    assert f"The tag {tag} is not the version in pyproject.toml, 1.2.3." in planned.summary
    assert f"(git push --delete origin {tag})" in planned.summary


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((), ("", "")),
        (("v0.9.0", "v0.10.0", "v0.10.0rc1", "v2024-x"), ("scan", "0.10.0")),
        (("v0.10.0", "v0.10.0-rc.1", "v0.10.0.dev1"), ("scan", "0.10.0")),
    ],
)
def test_the_newest_release_is_scanned_every_week(
    tmp_path: Path, tags: tuple[str, ...], expected: tuple[str, str]
) -> None:
    planned = plan(tmp_path / "run", event="schedule", tags=tags)

    assert (planned.outputs["jobs"], planned.outputs["version"]) == expected
    (scan,) = (step for step in JOBS["scan"]["steps"] if step.get("name") == "Scan the image")
    outputs = "${{ needs.plan.outputs.image }}:${{ needs.plan.outputs.version }}"
    assert scan["with"]["image-ref"] == outputs


@pytest.mark.parametrize(
    ("repository", "name"),
    [
        ("Ann/Shop", "ann/shop"),
        ("ann/v..api", "ann/v-api"),
        ("ann/api-", "ann/api"),
        ("ann/.api", "ann/api"),
        ("ann/-_a.-_b__c._", "ann/a-b-c"),
        ("ann_corp/a_b.c-d", "ann_corp/a_b.c-d"),
        ("ann/___", "ann/image"),
    ],
)
def test_every_repository_has_a_valid_image_name(
    tmp_path: Path, repository: str, name: str
) -> None:
    image = plan(tmp_path / "run", repository=repository).outputs["image"]

    assert image == f"registry.example/{name}"
    assert re.fullmatch(rf"registry\.example(?:/{COMPONENT})+", image)


def test_each_job_only_runs_if_the_first_one_names_it() -> None:
    script = ci_step("plan", "Decide what runs")["run"]

    for name in sorted(JOBS.keys() - {"plan"}):
        assert f"contains(needs.plan.outputs.jobs, '{name}')" in JOBS[name]["if"]
        assert re.search(rf"\bjobs=.*\b{name}\b", script)
    for name in ("test", "image"):  # GitHub counts a skipped job as passed.
        assert JOBS[name]["name"].endswith("${{ github.event_name == 'push' && ' (push)' || '' }}")


# https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/collaborating-on-repositories-with-code-quality-features/troubleshooting-required-status-checks
@pytest.mark.parametrize(
    ("event", "plan_result", "jobs", "cancelled", "runs"),
    [
        ("pull_request", "success", "test image", False, True),
        ("pull_request", "success", "", False, False),
        ("pull_request", "failure", "", False, True),  # Skipped, it would count as passed.
        ("merge_group", "cancelled", "", False, True),  # Such as by its time limit.
        ("pull_request", "success", "test image", True, False),
        ("push", "skipped", "", False, False),
        ("push", "failure", "", False, False),  # Such as for a wrong tag.
    ],
)
@pytest.mark.parametrize("name", ["test", "image"])
def test_a_required_job_is_not_skipped_because_the_first_one_failed(
    name: str, event: str, plan_result: str, jobs: str, *, cancelled: bool, runs: bool
) -> None:
    condition = JOBS[name]["if"]
    values = {
        f"contains(needs.plan.outputs.jobs, '{name}')": name in jobs,
        "needs.plan.result": repr(plan_result),
        "github.event_name": repr(event),
        "!cancelled()": not cancelled,
        "&&": "and",
        "||": "or",
    }
    for expression, value in values.items():
        condition = condition.replace(expression, str(value))

    assert eval(condition, {"__builtins__": {}}) == runs  # noqa: S307 - our own file


def test_the_default_branch_may_have_any_name() -> None:
    triggers = CI[True]

    assert triggers["push"] == {"branches": ["**", "!gh-readonly-queue/**"], "tags": ["v*"]}
    assert triggers["pull_request"] is triggers["merge_group"] is None
    assert "github.ref_name == github.event.repository.default_branch" in JOBS["plan"]["if"]


def test_a_release_is_proposed_if_there_are_overlays(tmp_path: Path) -> None:
    overlay = "deploy/kubernetes/overlays/staging/kustomization.yaml"

    planned = plan(tmp_path / "run", ref="tag v1.2.3", files=(overlay,))

    assert planned.outputs["jobs"] == "test push propose"


def test_the_page_names_every_action_that_a_project_needs() -> None:
    project = ROOT / "{{cookiecutter.project_slug}}"
    workflows = [path.read_text("utf-8") for path in (project / ".github/workflows").iterdir()]
    page = (project / "docs/production.md").read_text("utf-8")
    (named,) = re.findall(r"the workflows need these: ([^.]*)\.", page)

    used = re.findall(r"uses: ([^@]+)@", "".join(workflows))
    used.append("aquasecurity/setup-trivy")  # trivy-action uses it.

    assert sorted(re.findall("`(.*?)`", named)) == sorted(set(used))
