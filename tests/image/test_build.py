"""How the image is built: again in a moment, the same twice, from a private package index."""

import hashlib
import re
import shutil
from pathlib import Path
from time import time_ns

import pytest

from tests.helpers.containers import NEWEST, exported_image, inspect, with_python
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
def test_a_python_that_is_not_the_projects_fails_the_build(
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


# The code comes to be built, is built and checked, and comes into the image.
STEPS_OF_AN_EDIT = [
    ("application", "COPY"),
    ("application", "RUN"),
    ("application", "RUN"),
    ("runtime", "COPY"),
]


def build_after_an_edit(project: Path, tag: str) -> list[tuple[str, str]]:
    """Edit the code, build the image, and return the steps that were run."""
    module = project / "src" / PACKAGE / "__init__.py"
    module.write_text(module.read_text("utf-8") + f"EDITED = {time_ns()}\n", "utf-8")
    # Files that only their owner may read, as some umasks make them, can be read in the image.
    for path in (project / "src").rglob("*.py"):
        path.chmod(0o600)
    result = run("docker", "build", "--progress", "plain", "--tag", tag, project)
    states = dict(re.findall(r"^#(\d+) (CACHED|DONE)", result.stderr, re.MULTILINE))
    steps = re.findall(r"^#(\d+) \[(\w+) +\d+/\d+\] (RUN|COPY)", result.stderr, re.MULTILINE)
    return sorted((stage, verb) for number, stage, verb in steps if states[number] == "DONE")


@pytest.mark.slow("builds without a cache")
@each(NEWEST)
def test_an_edit_of_the_code_changes_one_small_layer(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    shutil.copytree(baked.path, tmp_path / "project")
    # Other tests build the same layers, and Docker takes any of them: here they are all its own.
    dockerfile = tmp_path / "project/Dockerfile"
    text = dockerfile.read_text("utf-8")
    own_base = f"FROM ${{BASE}} AS base\nENV OWN_LAYERS={time_ns()}\n"
    dockerfile.write_text(text.replace("FROM ${BASE} AS base\n", own_base), "utf-8")
    whole, edited = f"{image}-whole", f"{image}-edited"
    run("docker", "build", "--tag", whole, str(tmp_path / "project"))

    steps = build_after_an_edit(tmp_path / "project", edited)
    if steps != STEPS_OF_AN_EDIT:  # Docker removes cached layers when the disk fills.
        whole, edited = edited, f"{image}-edited-again"
        steps = build_after_an_edit(tmp_path / "project", edited)

    assert steps == STEPS_OF_AN_EDIT
    before, after = (inspect(name)["RootFS"]["Layers"] for name in (whole, edited))
    assert before[:-1] == after[:-1]
    assert before[-1] != after[-1]
    run(
        *["docker", "run", "--rm", "--user=123456:0", "--entrypoint=python", edited],
        *["-c", f"import {PACKAGE}; assert {PACKAGE}.EDITED"],
    )


@pytest.mark.slow("builds without a cache")
@each(JOB)
def test_the_same_sources_give_the_same_files(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    again = f"{image}-again"

    baked.run("docker", "build", "--no-cache", "--tag", again, ".")

    first, second = hashes(image, tmp_path), hashes(again, tmp_path)
    assert len(first) > 500
    assert first == second


@each(JOB)
def test_a_commit_that_is_built_again_gives_the_same_image(
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


def hashes(image: str, folder: Path) -> dict[str, str]:
    """What every file of the venv holds."""
    found = {}
    with exported_image(image, folder) as files:
        for member in files:
            content = files.extractfile(member) if member.isfile() else None
            if content and member.name.startswith("opt/venv"):
                found[member.name] = hashlib.sha256(content.read()).hexdigest()
    return found


@each(JOB)
@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_other_builders_build_it(
    baked: BakedProject, combination: Combination, builder: str, tmp_path: Path
) -> None:
    if not shutil.which(builder):
        skip_or_fail(f"{builder} is not on this machine.", required=False)
    # They keep images of their own, and take Docker's base image from there.
    base = f"python:{combination.python}-slim-trixie"
    archive = tmp_path / "base.tar"
    run("docker", "save", "--output", archive, base)

    argument = f"BASE=docker-archive:{archive}"
    baked.run(builder, "build", "--build-arg", argument, "--tag", "template-test:other", ".")
