"""How the image is built: from a cache, reproducibly, and with other builders."""

import re
import shutil
from pathlib import Path
from time import time_ns

import pytest

from tests.helpers.containers import NEWEST, inspect, with_python
from tests.helpers.harness import (
    BUILT,
    PACKAGE,
    BakedProject,
    Combination,
    commit,
    each,
    run,
    skip_or_fail,
)

JOB = [one for one in NEWEST if one.kind == "job"]

pytestmark = pytest.mark.usefixtures("docker")


@each(BUILT)
@pytest.mark.parametrize(
    ("edit", "message"),
    ids=["PYTHON_VERSION", "FROM"],
    argvalues=[
        (
            r"(PYTHON_VERSION=3\.)\d+",
            "requires a different Python: {this} is in the base image, 3.99",
        ),
        (
            r"(FROM python:3\.)\d+",
            "requires a different Python: {other} is in the base image, {this}",
        ),
    ],
)
def test_another_python_than_the_projects_fails_the_build(
    combination: Combination,
    baked: BakedProject,
    image: str,
    edit: str,
    message: str,
    tmp_path: Path,
) -> None:
    assert image
    this = combination.python
    other = next(one.python for one in BUILT if one.python != this)
    minor = "99" if "VERSION" in edit else other.partition(".")[2]
    text = (baked.path / "Dockerfile").read_text("utf-8")
    edited = tmp_path / "Dockerfile"
    edited.write_text(re.sub(f"(?m)^(ARG )?{edit}", lambda it: (it[1] or "") + it[2] + minor, text))

    result = run("docker", "build", "--file", edited, baked.path, check=False)

    assert result.returncode
    assert message.format(this=this, other=other) in result.stderr


# The code is copied into the build stage, built, checked, and copied into the image.
STEPS_OF_AN_EDIT = [
    ("application", "COPY"),
    ("application", "RUN"),
    ("application", "RUN"),
    ("runtime", "COPY"),
]


def build_after_an_edit(project: Path, tag: str) -> list[tuple[str, str]]:
    """Edit the code, build the image, and return the steps that were not cached."""
    module = project / "src" / PACKAGE / "__init__.py"
    module.write_text(module.read_text("utf-8") + f"EDITED = {time_ns()}\n", "utf-8")
    # With some umasks only the owner can read new files; in the image, every user has to.
    for path in (project / "src").rglob("*.py"):
        path.chmod(0o600)
    result = run("docker", "build", "--progress", "plain", "--tag", tag, project)
    states = dict(re.findall(r"^#(\d+) (CACHED|DONE)", result.stderr, re.MULTILINE))
    steps = re.findall(r"^#(\d+) \[(\w+) +\d+/\d+\] (RUN|COPY)", result.stderr, re.MULTILINE)
    return sorted((stage, verb) for number, stage, verb in steps if states[number] == "DONE")


@pytest.mark.slow("builds without a cache")
@each(NEWEST)
def test_an_edit_of_the_code_changes_only_one_layer(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    shutil.copytree(baked.path, tmp_path / "project")
    # Docker would also use the cached layers of other tests: these are all different.
    dockerfile = tmp_path / "project/Dockerfile"
    text = dockerfile.read_text("utf-8")
    own_base = f"FROM ${{BASE}} AS base\nENV OWN_LAYERS={time_ns()}\n"
    dockerfile.write_text(text.replace("FROM ${BASE} AS base\n", own_base), "utf-8")
    unedited, edited = f"{image}-unedited", f"{image}-edited"
    run("docker", "build", "--tag", unedited, str(tmp_path / "project"))

    steps = build_after_an_edit(tmp_path / "project", edited)
    if steps != STEPS_OF_AN_EDIT:  # Docker may remove cached layers when the disk fills up.
        unedited, edited = edited, f"{image}-edited-again"
        steps = build_after_an_edit(tmp_path / "project", edited)

    assert steps == STEPS_OF_AN_EDIT
    before, after = (inspect(name)["RootFS"]["Layers"] for name in (unedited, edited))
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]
    run(
        *["docker", "run", "--rm", "--user=123456:0", "--entrypoint=python", edited],
        *["-c", f"import {PACKAGE}; assert {PACKAGE}.EDITED"],
    )


@each(JOB)
def test_a_rebuild_from_the_cache_gives_the_same_image(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked.path, project)
    commit(project, "Start")
    names = [f"{image}-once", f"{image}-twice"]

    for name in names:
        run("make", "image", f"IMAGE={name}", "ARGS=--load", cwd=project, env=with_python())

    once, twice = (inspect(name)["Id"] for name in names)
    assert once == twice


@each(JOB)
@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_other_builders_can_build_it(
    baked: BakedProject, combination: Combination, builder: str, tmp_path: Path
) -> None:
    if not shutil.which(builder):
        skip_or_fail(f"{builder} is not on this machine.", required=False)
    # They have their own image store, so the base image is passed as an archive.
    base = f"python:{combination.python}-slim-trixie"
    archive = tmp_path / "base.tar"
    run("docker", "save", "--output", archive, base)

    argument = f"BASE=docker-archive:{archive}"
    baked.run(builder, "build", "--build-arg", argument, "--tag", "template-test:other", ".")
