"""A commit gives the same image on every builder, and `make reproduce` lists differences."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.helpers.containers import NEWEST, with_python
from tests.helpers.github import Runner, ci_step
from tests.helpers.harness import SLUG, BakedProject, commit, each, run, skip_or_fail

pytestmark = [
    pytest.mark.usefixtures("docker"),
    pytest.mark.slow("builds without a cache"),
    each([one for one in NEWEST if one.application == "job"]),
]


class Builder(NamedTuple):
    """A builder with an empty cache."""

    environment: dict[str, str]
    options: str

    def make(self, project: Path, *arguments: str, check: bool = True) -> str:
        """Run make in a project with this builder; return the output."""
        shell = with_python() | self.environment
        result = run("make", *arguments, cwd=project, env=shell, check=check)
        return result.stdout + result.stderr

    def docker(self, *arguments: str | Path) -> str:
        return run("docker", *arguments, env=os.environ | self.environment).stdout.strip()


@pytest.fixture(scope="module")
def builders() -> Iterator[tuple[Builder, Builder]]:
    """Two builders that share nothing: engines that FRESH_ENGINE starts, or those of BuildKit."""
    names = [f"template-test-{os.getpid()}-{number}" for number in (1, 2)]
    start = os.environ.get("FRESH_ENGINE")
    try:
        if start:
            hosts = [run(start, name).stdout.strip() for name in names]
            one, other = (Builder({"DOCKER_HOST": host}, "--network=host") for host in hosts)
        else:
            for name in names:
                command = ["docker", "buildx", "create", "--bootstrap", "--name", name]
                created = run(*command, check=False)
                if created.returncode:
                    skip_or_fail(f"No builder starts here: {created.stderr}", required=False)
            one, other = (Builder({"BUILDX_BUILDER": name}, "") for name in names)
        yield one, other
    finally:
        for name in names:
            stop = [start, name, "stop"] if start else ["docker", "buildx", "rm", "--force", name]
            run(*stop, check=False)


@pytest.fixture
def project(baked: BakedProject, tmp_path: Path) -> Path:
    """A copy of the project, in a folder of a repository with one commit."""
    folder = tmp_path / "monorepo" / SLUG
    shutil.copytree(baked.path, folder)
    commit(folder.parent, "Start")
    return folder


def build_archive(
    builder: Builder, project: Path, archive: Path, *, image: str, options: str = ""
) -> str:
    """Build an archive as for a release; return the digest of the image."""
    metadata = archive.with_suffix(".json")
    # Without the attestations of CI, which contain the time and the place of the build.
    output = f"--output=type=docker,dest={archive},rewrite-timestamp=true --provenance=false"
    arguments = f"--no-cache --metadata-file={metadata} {output} {builder.options} {options}"
    builder.make(project, "image", f"IMAGE={image}", f"ARGS={arguments}")
    return str(json.loads(metadata.read_text())["containerimage.digest"])


def test_two_builders_that_share_nothing_give_the_same_digest(
    builders: tuple[Builder, Builder], project: Path, tmp_path: Path
) -> None:
    dockerfile = project / "Dockerfile"
    text = dockerfile.read_text("utf-8")
    edited = text.replace('ARG RUNTIME_PACKAGES=""', 'ARG RUNTIME_PACKAGES="libpq5"')
    assert edited != text
    dockerfile.write_text(edited, "utf-8")
    commit(project, "Install a package of Debian")

    digests = [
        build_archive(builder, project, tmp_path / f"{number}.tar", image=SLUG)
        for number, builder in enumerate(builders)
    ]

    assert digests[0] == digests[1]
    assert (tmp_path / "0.tar").stat().st_size > 1_000_000


def push(builder: Builder, project: Path, image: str, folder: Path) -> str:
    """Build and push a release; return its digest."""
    build_archive(builder, project, folder / "image.tar", image=image)
    builder.docker("load", "--input", folder / "image.tar")
    found = re.search(r"digest: (\S+)", builder.docker("push", image))
    assert found
    return found[1]


def finish_release(project: Path, image: str, digest: str, folder: Path) -> None:
    """Start, stop and tag a pushed image as CI does."""
    pushed = f"{image}@{digest}"
    run("docker", "pull", pushed)
    shell = with_python() | {"COMPOSE_PROJECT_NAME": f"template-test-{os.getpid()}"}
    run("make", "smoke", f"IMAGE={pushed}", cwd=project, env=shell)
    run("make", "stop", cwd=project, env=shell)
    run("docker", "rmi", pushed)
    expressions = {"steps.build.outputs.digest": digest, "needs.plan.outputs.version": "0.1.0"}
    step = ci_step("push", "Tag the image")
    tagged = Runner(folder / "runner").run(step, expressions, IMAGE=image)
    assert not tagged.returncode, tagged.stderr


def test_a_released_image_is_started_tagged_and_reproduced(
    builders: tuple[Builder, Builder], project: Path, registry: str, tmp_path: Path
) -> None:
    one, other = builders
    image = f"{registry}/owner/{SLUG}"
    revision = run("git", "rev-parse", "HEAD", cwd=project).stdout.strip()
    remote = "https://git.example/owner/shop"
    run("git", "remote", "add", "origin", remote, cwd=project)

    digest = push(one, project, image, tmp_path)
    finish_release(project, image, digest, tmp_path)
    # In the clone of a developer's fork.
    run("git", "remote", "set-url", "origin", remote.replace("owner", "ann"), cwd=project)

    inspected = run("docker", "buildx", "imagetools", "inspect", f"{image}:0.1.0").stdout
    assert digest in inspected
    pushed = f"{image}@{digest}"
    reproduced = other.make(project, "reproduce", f"IMAGE={pushed}", f"ARGS={other.options}")
    assert f"{pushed} is what {revision} builds." in reproduced
    worktrees = run("git", "worktree", "list", cwd=project).stdout.splitlines()
    assert len(worktrees) == 1

    changed = f"{image}:changed"
    container = one.docker("create", pushed)
    one.docker("cp", project / "README.md", f"{container}:/opt/venv/notes.md")
    one.docker("commit", "--change", "ENV DEBUG=1", container, changed)
    one.docker("rm", container)
    one.docker("push", changed)

    output = other.make(
        project, "reproduce", f"IMAGE={changed}", f"ARGS={other.options}", check=False
    )

    assert "settings: Env\n" in output
    assert re.search(r"^layer \d+: opt/venv/notes\.md$", output, re.MULTILINE)
    assert "is what" not in output
    assert "Error 1" in output
