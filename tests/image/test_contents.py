"""The contents of the image: the venv and its labels, and nothing else on top of the base."""

import re
import shutil
from pathlib import Path, PurePosixPath

import pytest

from benchmarks.image import ON_TOP, limit
from tests.helpers.containers import NEWEST, exported_image, free_port, inspect, with_python
from tests.helpers.harness import PACKAGE, SLUG, BakedProject, Combination, commit, each, run

MB = 1_000_000

pytestmark = pytest.mark.usefixtures("docker")


def added_files(image: str, base: str, folder: Path) -> dict[str, int]:
    """Return every file that an image adds to its base, with its size in bytes."""
    with exported_image(base, folder) as files:
        before = {member.name for member in files}
    with exported_image(image, folder) as files:
        return {member.name: member.size for member in files if member.name not in before}


@each(NEWEST)
def test_it_contains_the_venv_and_nothing_else(
    image: str, combination: Combination, tmp_path: Path
) -> None:
    files = added_files(image, f"python:{combination.python}-slim-trixie", tmp_path)
    outside = {name for name in files if not name.startswith("opt/venv")}
    names = {PurePosixPath(name).name for name in files}
    packages = {
        path.name.partition("-")[0]
        for path in map(PurePosixPath, files)
        if "site-packages" in path.parts and path.parent.name == "site-packages"
    }

    assert outside <= {"data"}
    assert not names & {".git", ".env", "gcc", "cc", "poetry.lock", "test_cli.py"}
    assert not packages & {"pip", "setuptools", "wheel", "poetry", "pytest", "ruff", "mypy"}
    most = limit(combination.application, ON_TOP)
    assert most
    assert sum(files.values()) < most * MB


@each(NEWEST)
def test_the_code_belongs_to_root_and_is_readable_and_compiled(image: str, tmp_path: Path) -> None:
    with exported_image(image, tmp_path) as files:
        venv = [member for member in files if member.name.startswith("opt/venv")]
    sources = [one.name for one in venv if re.search(r"^(?!.*/tests/).*\.py$", one.name)]
    compiled = {one.name for one in venv if one.name.endswith(".pyc")}

    assert {one.uid for one in venv} == {0}
    assert [one.name for one in venv if one.mode & 0o022 and not one.issym()] == []
    assert [one.name for one in venv if not one.mode & 0o004] == []
    assert len(compiled) == len(sources) > 100
    assert any(re.search(rf"{PACKAGE}/__pycache__/cli\.cpython-3\d+\.pyc$", it) for it in compiled)


@each(NEWEST[-1:])
def test_pip_of_the_official_image_is_removed(
    baked: BakedProject, image: str, combination: Combination, tmp_path: Path
) -> None:
    # The base image of the tests may lack pip; the official one has it at these paths. That of a
    # company may have a user.
    official, without_pip = f"{image}-official", f"{image}-without-pip"
    folder = f"/usr/local/lib/python{combination.python}"
    (tmp_path / "Dockerfile").write_text(f"""
        FROM python:{combination.python}-slim-trixie
        RUN mkdir -p {folder}/site-packages/pip {folder}/site-packages/pip-1.dist-info \\
                {folder}/ensurepip \\
            && touch {folder}/site-packages/pip/x {folder}/ensurepip/pip.whl /usr/local/bin/pip3
        USER 1001
    """)
    run("docker", "build", "--tag", official, tmp_path)
    assert image

    baked.run("docker", "build", "--build-arg", f"BASE={official}", "--tag", without_pip, ".")

    with exported_image(without_pip, tmp_path) as files:
        assert [one.name for one in files if re.search(r"pip(/|3|-1|\.whl|$)", one.name)] == []


def labels(image: str) -> dict[str, str]:
    """Return the OCI labels by the last parts of their names."""
    found = inspect(image)["Config"]["Labels"]
    return {name.removeprefix("org.opencontainers.image."): text for name, text in found.items()}


def copy_project(baked: BakedProject, folder: Path) -> BakedProject:
    """Copy a project, so that a test may change it."""
    shutil.copytree(baked.path, folder / "project")
    return BakedProject(folder / "project", baked.combination)


@each(NEWEST[-1:])
def test_labels_describe_the_image_and_its_source(
    baked: BakedProject, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_project(baked, tmp_path)
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05+01:00")
    commit(project.path, "Start")
    remote = "ssh://me:hunter2$HOME`id`@example.com:2222/team/shop.git"
    project.run("git", "remote", "add", "origin", remote)
    revision = project.run("git", "rev-parse", "HEAD").stdout.strip()
    name = f"{image}-labelled"

    project.run("make", "image", f"IMAGE={name}", env=with_python())

    assert labels(name) == {
        "title": SLUG,
        "version": "0.1.0",
        "revision": revision,
        "created": "2026-01-02T02:04:05Z",
        "source": "https://example.com/team/shop",
    }
    project.path.joinpath("README.md").write_text("edited")
    project.run("make", "image", f"IMAGE={name}", env=with_python())
    assert labels(name)["revision"] == f"{revision}-dirty"


@each(NEWEST)
def test_labels_need_no_repository(image: str) -> None:
    found = labels(image)

    assert (found["title"], found["version"]) == (SLUG, "0.1.0")
    assert found["revision"] == found["source"] == found["created"] == ""


@each(NEWEST)
def test_make_starts_a_locked_down_container_shows_its_log_and_removes_it(
    baked: BakedProject, image: str, tmp_path: Path
) -> None:
    project = copy_project(baked, tmp_path)
    port = free_port()
    environment = with_python() | {
        "COMPOSE_PROJECT_NAME": f"template-test-{port}",
        "IMAGE": f"{image}-compose",
        "PORT": str(port),
    }
    try:
        started = project.run("make", "start", env=environment).stdout
        service = project.run("docker", "compose", "ps", "--all", "--quiet", env=environment)
        facts = inspect(service.stdout.strip())
        host = facts["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["CapDrop"] == ["ALL"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert list(host["Tmpfs"]) == ["/tmp"]  # noqa: S108 - the container's own
        assert host["Memory"]
        assert host["NanoCpus"]
        assert host["PidsLimit"]
        if baked.combination.kind == "job":
            assert '"event":"done"' in started
            assert len((project.path / "data/orders.jsonl").read_text().splitlines()) == 5
        else:
            assert facts["State"]["Health"]["Status"] == "healthy"
            makefile = project.path / "Makefile"
            makefile.write_text(makefile.read_text("utf-8").replace(" --follow", ""), "utf-8")
            assert "Uvicorn running" in project.run("make", "logs", env=environment).stdout
    finally:
        project.run("make", "stop", env=environment)
    assert project.run("docker", "compose", "ps", "--all", "--quiet", env=environment).stdout == ""
