"""A release in CI: what is started and scanned is tagged, and proposed for each overlay."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.github import CI, Runner
from tests.helpers.harness import COMBINATIONS, KUBERNETES, ROOT, BakedProject, commit, each, run
from tests.helpers.manifests import pinned_image

JOBS = CI["jobs"]
DIGEST = "sha256:" + "5" * 64
PUSHED = f"registry.example/owner/shop@{DIGEST}"


@pytest.mark.usefixtures("jq")
def test_a_pushed_image_is_tagged_after_it_was_started_and_scanned(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "run")
    runner.replace("docker", "")
    written = f'\'{{"containerimage.digest": "{DIGEST}"}}\''
    runner.replace("make", f'[ "$1" != image ] || echo {written} > "$RUNNER_TEMP/metadata.json"')
    image = "registry.example/owner/shop"
    pushed = f"{image}@{DIGEST}"
    expressions = {
        "steps.builder.outputs.name": "builder",
        "secrets.PIP_CONF": "",
        "secrets.CA_PEM": "",
        "steps.build.outputs.digest": DIGEST,
        "needs.plan.outputs.version": "1.2.3",
    }
    scanned = []

    for one in JOBS["push"]["steps"]:
        if "run" in one:
            result = runner.run(one, expressions, IMAGE=image)
            assert not result.returncode, result.stderr
        elif one.get("name") == "Scan the image":
            scanned.append((len(runner.calls()), one["with"]))

    build, *others = runner.calls()
    assert others == [
        f"docker pull {pushed}",
        f"make smoke IMAGE={pushed}",
        f"docker buildx imagetools create --prefer-index=false --tag {image}:1.2.3 {pushed}",
    ]
    assert runner.output.read_text() == f"digest={DIGEST}\n"
    assert runner.summary.read_text() == f"`{image}:1.2.3@{DIGEST}`\n"
    ((after, scan),) = scanned
    assert after == len(["build", "pull", "smoke"])
    assert scan["exit-code"] == "1"
    assert scan["image-ref"].endswith("@${{ steps.build.outputs.digest }}")
    assert build.startswith(f"make image IMAGE={image} ARGS=")
    assert "--platform=linux/amd64,linux/arm64 " in build
    output = re.search(r"--output=(\S+)", build)
    assert output
    assert {"push-by-digest=true", "rewrite-timestamp=true"} <= set(output[1].split(","))


def propose(
    runner: Runner, remote: Path, overlay: str, gh: str
) -> subprocess.CompletedProcess[str]:
    """Run the job that proposes version 1.2.3 for an overlay; `gh` is the script in its place."""
    runner.check_out(remote)
    runner.replace("gh", gh)
    (step,) = (one for one in JOBS["propose"]["steps"] if "run" in one)
    assert step["env"]["IMAGE"].split("@") == [
        "${{ needs.plan.outputs.image }}",
        "${{ needs.push.outputs.digest }}",
    ]
    return runner.run(
        step | {"env": step["env"] | {"IMAGE": PUSHED}},
        {
            "github.token": "a-token",
            "github.event.repository.default_branch": "main",
            "github.server_url": "https://github.example",
            "github.repository": "owner/shop",
            "matrix.overlay": overlay,
            "needs.plan.outputs.version": "1.2.3",
        },
    )


@each(KUBERNETES[:1])
@pytest.mark.parametrize("overlay", JOBS["propose"]["strategy"]["matrix"]["overlay"])
@pytest.mark.parametrize(
    ("allowed", "state"), [("create", ""), ("edit", "OPEN"), ("edit", "MERGED")]
)
def test_a_release_is_proposed_as_a_pull_request_for_each_overlay(
    baked: BakedProject, tmp_path: Path, allowed: str, state: str, overlay: str
) -> None:
    project, remote, runner = tmp_path / "project", tmp_path / "shop.git", Runner(tmp_path / "run")
    shutil.copytree(baked.path, project)
    commit(project, "Start")
    run("git", "clone", "--quiet", "--bare", project, remote)

    result = propose(
        runner, remote, overlay, f'[ "$2" = view ] && echo "{state}" || [ "$2" = "{allowed}" ]'
    )

    assert not result.returncode, result.stderr
    assert "a-token" not in result.stdout + result.stderr
    assert pinned_image(remote, f"deploy-{overlay}") == PUSHED
    text = f"deploy-{overlay} --title Deploy 1.2.3 to {overlay} --body `{PUSHED}`"
    edits = [f"gh pr edit {text}"] if state == "OPEN" else []
    calls = [call for call in runner.calls() if not call.startswith("gh pr view ")]
    assert calls == [f"gh pr create --base main --head {text}", *edits]
    link = f"https://github.example/owner/shop/compare/main...deploy-{overlay}?expand=1"
    summary = runner.summary.read_text() if runner.summary.exists() else ""
    assert (link in summary) == (state == "MERGED")

    run("git", "branch", "--force", "main", f"deploy-{overlay}", cwd=remote)
    again = Runner(tmp_path / "again")

    repeated = propose(again, remote, overlay, "exit 1")

    assert not repeated.returncode, repeated.stdout + repeated.stderr
    assert again.calls() == []


def test_no_job_has_access_to_a_cluster() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text("utf-8")

    assert not re.search(r"kubectl|KUBECONFIG|make deploy", text)


def test_the_github_token_is_not_sent_to_other_registries() -> None:
    for job in ("push", "scan"):
        (login,) = (it["with"] for it in JOBS[job]["steps"] if "docker/login" in it.get("uses", ""))
        assert login["registry"] == "${{ vars.REGISTRY || 'ghcr.io' }}"
        assert login["password"].startswith("${{ vars.REGISTRY && (secrets.REGISTRY_PASSWORD || '")
        assert login["password"].endswith("') || github.token }}")


@each([one for one in COMBINATIONS if one.application == "job"][:1])
@pytest.mark.parametrize("release", [True, False])
def test_only_a_release_gets_the_time_of_its_commit(
    baked: BakedProject, tmp_path: Path, *, release: bool
) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked.path, project)
    commit(project, "Start")
    runner = Runner(tmp_path / "run")
    runner.replace("docker", 'echo "the time is $SOURCE_DATE_EPOCH."')
    options = "--output=type=docker,rewrite-timestamp=true" if release else "--load"
    path = f"{runner.programs}{os.pathsep}{os.environ['PATH']}"

    built = run("make", "image", f"ARGS={options}", cwd=project, env=os.environ | {"PATH": path})

    time = run("git", "log", "-1", "--format=%ct", cwd=project).stdout.strip()
    assert f"the time is {time if release else ''}.\n" in built.stdout
