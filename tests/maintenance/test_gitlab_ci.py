"""The jobs of a project's CI on GitLab, run in the shell of this machine."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
import yaml

from tests.helpers.containers import free_port
from tests.helpers.gitlab import ADDRESS, MERGE_REQUEST, SCHEDULE, Pipeline
from tests.helpers.harness import (
    INSTALLABLE,
    OTHER_CI,
    BakedProject,
    Combination,
    commit,
    each,
    run,
    tool,
)
from tests.helpers.manifests import pinned_image

GITLAB = [one for one in OTHER_CI if one.ci == "gitlab"]
# The applications with the fewest packages, and with an image that exits by itself.
WEB = [one for one in GITLAB if one.application == "web-api"]
JOB = [one for one in GITLAB if one.application == "job"]
TABLE = "| package | from | to | age in days | changelog |"

pytestmark = pytest.mark.usefixtures("gitlab_ci_local")


@pytest.fixture
def pipeline(baked: BakedProject, tmp_path: Path) -> Pipeline:
    return Pipeline(baked, tmp_path)


@each(GITLAB)
def test_a_pipeline_has_the_jobs_of_its_event(pipeline: Pipeline) -> None:
    assert pipeline.jobs() == ["test", "build"]
    assert pipeline.jobs(**MERGE_REQUEST) == ["test", "build"]
    released = ["test", "release", "deploy: [staging]", "deploy: [production]"]
    assert pipeline.jobs(CI_COMMIT_TAG="v0.1.0") == released
    assert pipeline.jobs(**SCHEDULE) == ["scan", "renew", "propose"]


@each(JOB)
def test_a_branch_is_only_tested_in_its_merge_request(pipeline: Pipeline) -> None:
    # gitlab-ci-local ignores the rules of the workflow.
    workflow = yaml.safe_load((pipeline.project / ".gitlab-ci.yml").read_text())["workflow"]

    assert [rule["if"] for rule in workflow["rules"]] == [
        '$CI_PIPELINE_SOURCE == "merge_request_event"',
        "$CI_COMMIT_TAG =~ /^v/",
        "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH",
    ]


@pytest.fixture
def scanner(docker: None, tmp_path: Path) -> Iterator[str]:  # noqa: ARG001 - needed
    """An image in place of the scanner, which prints its arguments if it has Docker's socket."""
    name = f"template-test-scanner:{os.getpid()}"
    (tmp_path / "Dockerfile").write_text(
        'FROM python:3.14-slim-trixie\nENTRYPOINT ["python", "-c", "import pathlib, sys; '
        "assert pathlib.Path('/var/run/docker.sock').is_socket(); print('scans', *sys.argv[1:])\"]"
    )
    run("docker", "build", "--quiet", "--tag", name, tmp_path)
    yield name
    run("docker", "rmi", "--force", name)


def docker_variables(scanner: str) -> dict[str, str]:
    """Return variables for jobs with Docker: unique names, and the builder of this machine."""
    return {
        "TRIVY_IMAGE": scanner,
        "BUILDX_BUILDER": "default",
        "COMPOSE_PROJECT_NAME": f"template-test-gitlab-{os.getpid()}",
        "PORT": str(free_port()),
    }


@pytest.mark.slow("builds an image without a cache")
@each(JOB)
def test_the_pushed_image_is_the_one_that_was_started_and_scanned(
    pipeline: Pipeline, scanner: str, registry: str, request: pytest.FixtureRequest
) -> None:
    image = f"{registry}/group/shop:0.1.0"
    variables = docker_variables(scanner)
    project = ["--project-name", variables["COMPOSE_PROJECT_NAME"]]
    request.addfinalizer(lambda: run("docker", "rmi", "--force", image))
    request.addfinalizer(lambda: run("docker", "compose", *project, "down", cwd=pipeline.project))

    result = pipeline.run(
        "release",
        CI_COMMIT_TAG="v0.1.0",
        CI_REGISTRY=registry,
        CI_REGISTRY_IMAGE=f"{registry}/group/shop",
        CI_REGISTRY_USER="ci",
        CI_REGISTRY_PASSWORD="a-secret",  # noqa: S106 - of a registry that asks for none
        **variables,
    )

    assert not result.returncode, result.stdout + result.stderr
    output = result.stdout
    assert output.index("job-1 exited with code 0") < output.index("scans image --severity HIGH")
    assert f"--exit-code 1 {image}\n" in output
    assert output.index("scans image") < output.index("0.1.0: digest: sha256:")
    assert "a-secret" not in output + result.stderr
    address = f"http://{registry}/v2/group/shop/manifests/0.1.0"
    manifest = "application/vnd.docker.distribution.manifest.v2+json"
    with urlopen(Request(address, headers={"accept": manifest}), timeout=10) as answer:
        stored = json.load(answer)["config"]["digest"]
    started = run("docker", "image", "inspect", "--format", "{{.Id}}", image).stdout.strip()
    assert stored == started


@each(JOB)
def test_a_tag_that_differs_from_the_version_is_refused(pipeline: Pipeline) -> None:
    pipeline.replace("docker", "exit 1")

    result = pipeline.run("release", CI_COMMIT_TAG="v0.2.0")

    assert result.returncode
    assert "The tag v0.2.0 is not the version in pyproject.toml, 0.1.0. Delete" in result.stderr


@each(JOB)
def test_an_image_with_a_vulnerability_is_not_pushed(pipeline: Pipeline) -> None:
    calls = pipeline.folder / "docker.txt"
    created = '[ "$1" != buildx ] || echo a-builder'
    call = f'echo "$* on ${{BUILDX_BUILDER:-none}}" >> {calls}'
    pipeline.replace("docker", f'{call}\n{created}\n[ "$1" != run ]')

    result = pipeline.run("release", CI_COMMIT_TAG="v0.1.0", CI_REGISTRY_IMAGE="r.example/shop")

    assert result.returncode
    called = calls.read_text().splitlines()
    assert [line.split()[0] for line in called] == ["context", "buildx", "build", "compose", "run"]
    assert called[2].endswith(" on a-builder")


@each(JOB)
def test_a_private_index_is_passed_to_the_build_as_secrets(pipeline: Pipeline) -> None:
    calls = pipeline.folder / "docker.txt"
    pipeline.replace("docker", f'echo "$*" >> {calls}')
    files = {"PIP_CONF": "/etc/a.conf", "CA_PEM": "/etc/a.pem"}

    for given in ({}, files):
        result = pipeline.run("build", **given)
        assert not result.returncode, result.stderr

    without, build = re.findall("^build .*$", calls.read_text(), re.MULTILINE)
    assert "--secret" not in without
    assert "--secret=id=pip.conf,src=/etc/a.conf --secret=id=ca.pem,src=/etc/a.pem ." in build


@each(JOB)
def test_the_newest_release_is_scanned_every_week(pipeline: Pipeline) -> None:
    calls = pipeline.folder / "docker.txt"
    pipeline.replace("docker", f'echo "$*" >> {calls}; cat > /dev/null')
    nothing = pipeline.run("scan", **SCHEDULE)
    assert not nothing.returncode, nothing.stderr
    assert not calls.exists()
    for tag in ("v0.9.0", "v0.10.0", "v0.10.0-rc.1", "v0.10.0.dev1", "v2024-migration", "other"):
        run("git", "tag", tag, cwd=pipeline.project)

    result = pipeline.run("scan", **SCHEDULE, CI_REGISTRY_IMAGE="r.example/shop")

    assert not result.returncode, result.stderr
    _, pull, scan = calls.read_text().splitlines()
    assert pull == "pull --quiet r.example/shop:0.10.0"
    assert scan.endswith("--exit-code 1 r.example/shop:0.10.0")


@each(JOB)
def test_only_a_project_on_kubernetes_proposes_its_releases(
    bake: Callable[[Combination], BakedProject], combination: Combination
) -> None:
    text = (bake(combination._replace(deployment="compose")).path / ".gitlab-ci.yml").read_text()

    assert "deploy" not in yaml.safe_load(text)
    assert "release.env" not in text


@each(JOB)
def test_a_release_is_proposed_as_a_merge_request_for_each_overlay(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    remote, digest = Remote(tmp_path), "sha256:" + "a" * 64
    pipeline.replace("docker", f'[ "$1" != push ] || echo "0.1.0: digest: {digest} size: 1"')
    run("git", "push", "--quiet", remote.path, "main", cwd=pipeline.project)
    run("git", "remote", "set-url", "--push", "origin", ADDRESS, cwd=pipeline.project)
    rewrite = ["config", f"url.{remote.path}.insteadOf", ADDRESS]
    run("git", *rewrite, cwd=pipeline.project)
    variables = {
        "CI_COMMIT_TAG": "v0.1.0",
        "CI_REGISTRY_IMAGE": "r.example/group/shop",
        "CI_PROJECT_URL": str(remote.path).removesuffix(".git"),
        "PUSH_TOKEN": "tok",
    }

    result = pipeline.run("release", "deploy", **variables)

    assert not result.returncode, result.stdout + result.stderr
    for overlay in ("staging", "production"):
        assert pinned_image(remote.path, f"deploy-{overlay}") == f"r.example/group/shop@{digest}"
        title = remote.git("log", "-1", "--format=%s", f"deploy-{overlay}")
        assert title == f"Deploy v0.1.0 to {overlay}"
    assert "merge_request.target=main" in remote.options.read_text()

    remote.git("branch", "--force", "main", "deploy-staging")
    repeated = pipeline.run("release", "deploy", **variables)
    assert not repeated.returncode, repeated.stdout + repeated.stderr


class Remote:
    """A repository that records the options of the last push."""

    def __init__(self, folder: Path) -> None:
        self.path, self.options = folder / "shop.git", folder / "options.txt"
        run("git", "init", "--quiet", "--bare", self.path)
        run("git", "config", "receive.advertisePushOptions", "true", cwd=self.path)
        hook = self.path / "hooks/post-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/bash\nenv | grep ^GIT_PUSH_OPTION_[0-9] | sort > {self.options}\n")
        hook.chmod(0o755)

    def git(self, *arguments: str) -> str:
        return run("git", *arguments, cwd=self.path).stdout.strip()


def renew(pipeline: Pipeline, remote: Remote, script: str) -> str:
    """Run the weekly jobs of a project whose `make renew` is a script; return the output."""
    pipeline.replace("conda", 'mkdir -p "${@: -1}/bin"')
    pipeline.replace("pipx", "exit 0")
    makefile = f"poetry install:\n\t@true\nrenew:\n\t@{script}\n"
    (pipeline.project / "Makefile").write_text(makefile)
    (pipeline.project / "poetry.lock").write_text("last\n")
    commit(pipeline.project, "Stand-ins")
    address = str(remote.path).removesuffix(".git")
    result = pipeline.run("renew", "propose", **SCHEDULE, CI_PROJECT_URL=address, PUSH_TOKEN="tok")  # noqa: S106 - a stand-in
    assert not result.returncode, result.stdout + result.stderr
    assert "tok\n" not in result.stdout + result.stderr
    return result.stdout


@each(JOB)
def test_updates_are_proposed_as_a_merge_request(pipeline: Pipeline, tmp_path: Path) -> None:
    remote = Remote(tmp_path)

    renew(pipeline, remote, f"echo newest > poetry.lock; echo '{TABLE}' > renewal.md")

    assert remote.git("show", "renew:poetry.lock") == "newest"
    assert (
        remote.git("log", "-1", "--format=%s%n%b", "renew") == f"Update the dependencies\n{TABLE}"
    )
    assert remote.git("diff", "--name-only", "renew~1", "renew") == "poetry.lock"
    assert [line.partition("=")[2] for line in remote.options.read_text().splitlines()] == [
        "merge_request.create",
        "merge_request.target=main",
        "merge_request.title=Update the dependencies",
    ]


@each(JOB)
def test_nothing_to_update_is_not_a_failure_on_gitlab(pipeline: Pipeline, tmp_path: Path) -> None:
    remote = Remote(tmp_path)

    renew(pipeline, remote, f"echo '{TABLE}' > renewal.md")

    assert remote.git("branch", "--list") == ""


@pytest.mark.slow("installs a project and runs its tests")
@each([one for one in INSTALLABLE if one.application == "job"][:1])
def test_a_project_is_checked_and_tested_in_its_conda_environment(
    install: Callable[[Combination], BakedProject],
    bake: Callable[[Combination], BakedProject],
    combination: Combination,
    tmp_path: Path,
) -> None:
    venv = install(combination).path.parent / "venv"
    pipeline = Pipeline(bake(combination._replace(ci="gitlab")), tmp_path / "run")
    pipeline.replace("conda", f'mkdir -p "$(dirname "${{@: -1}}")" && cp -R {venv} "${{@: -1}}"')
    pipeline.replace("pipx", 'echo "pipx $*"')
    pipeline.replace("poetry", f'exec {tool("poetry")} "$@"')

    result = pipeline.call("--force-shell-executor", "test")

    assert not result.returncode, result.stdout + result.stderr
    job = yaml.safe_load((pipeline.project / ".gitlab-ci.yml").read_text())["test"]
    lines = [line.partition(" > ")[2] for line in result.stdout.splitlines()]
    found = [re.search(job["coverage"].strip("/"), line) for line in lines]
    (total,) = filter(None, found)
    assert float(total[1]) >= 90
    report = (pipeline.project / "coverage.xml").read_text()
    assert re.search(r'<class name="job.py" filename="\S+job.py"', report), report[:2000]
