"""`make smoke` starts an image, and fails if it does not serve or stop."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST, SERVICES, extend_image, free_port, with_python
from tests.helpers.harness import PACKAGE, BakedProject, each

NEWEST_SERVICES = [one for one in SERVICES if one in NEWEST]
PREFIX = f"{PACKAGE.upper()}_"

pytestmark = pytest.mark.usefixtures("docker")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def project(baked: BakedProject, tmp_path: Path, port: int) -> BakedProject:
    """A copy of the project with a unique name, which is served on a free port."""
    path = tmp_path / f"smoke-{port}"
    shutil.copytree(baked.path, path)
    (path / ".env").write_text(f"PORT={port}\n")
    return BakedProject(path, baked.combination)


@each(NEWEST_SERVICES)
def test_make_smoke_starts_the_image_and_leaves_nothing_running(
    project: BakedProject, image: str
) -> None:
    project.run("make", "smoke", f"IMAGE={image}", env=with_python())

    assert project.run("docker", "compose", "ps", "--all", "--quiet").stdout == ""


@each(NEWEST_SERVICES[:1])
def test_make_smoke_that_is_interrupted_leaves_nothing_running(
    project: BakedProject, image: str
) -> None:
    slow = extend_image(image, "slow", "HEALTHCHECK --interval=1m CMD false")
    command = ["make", "smoke", f"IMAGE={slow}"]
    with subprocess.Popen(command, cwd=project.path, start_new_session=True) as smoke:
        while not project.run("docker", "compose", "ps", "--quiet").stdout:
            assert smoke.poll() is None
        os.killpg(smoke.pid, signal.SIGINT)  # Ctrl-C.

    assert project.run("docker", "compose", "ps", "--all", "--quiet").stdout == ""


@each(NEWEST_SERVICES)
@pytest.mark.parametrize(
    ("wrong", "shown"),
    ids=["ends at once", "never healthy", "does not stop by itself"],
    argvalues=[
        (f"ENV {PREFIX}PORT=hunter2", "Input should be a valid integer"),
        (
            """
            HEALTHCHECK --interval=0.2s --retries=1 CMD true
            ENTRYPOINT ["sh", "-c", "trap exit TERM; sleep 15 & wait"]
            """,
            "is unhealthy",
        ),
        ("STOPSIGNAL KILL", "Uvicorn running"),
    ],
)
def test_make_smoke_fails_if_an_image_does_not_serve_or_stop(
    project: BakedProject, image: str, wrong: str, shown: str
) -> None:
    broken = extend_image(image, "broken", wrong)

    result = project.run("make", "smoke", f"IMAGE={broken}", env=with_python(), check=False)

    assert result.returncode
    output = result.stdout + result.stderr
    assert shown in output, output
    assert project.run("docker", "compose", "ps", "--all", "--quiet").stdout == ""
