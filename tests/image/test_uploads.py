"""Uploads to a web API in its container, as large and as many as compose.yaml allows."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests.helpers.containers import NEWEST, address, container, free_port, wait_until
from tests.helpers.extended_project import edit
from tests.helpers.harness import PACKAGE, ROOT, BakedProject, each, run, tool

WEB_API = [one for one in NEWEST if one.application == "web-api"]
UPLOADS = 15
SIZE = 7_500_000
FORM = {"content-type": "multipart/form-data; boundary=frontier"}
PART = b'--frontier\r\ncontent-disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
BODY = PART + b"x" * SIZE + b"\r\n--frontier--\r\n"

pytestmark = [pytest.mark.usefixtures("docker"), each(WEB_API)]


@pytest.fixture
def image_for_photos(image: str, baked: BakedProject, tmp_path: Path) -> str:
    """The image of a project with a route for uploads."""
    code, packages = tmp_path / "code", tmp_path / "packages"
    (code / "routes").mkdir(parents=True)
    shutil.copy(baked.path / "src" / PACKAGE / "app.py", code)
    edit(code / "app.py", "import quotes\n", "import quotes, work\n")
    include = "    app.include_router(quotes.router)\n"
    edit(code / "app.py", include, include + include.replace("quotes", "work"))
    shutil.copy(ROOT / "tests/helpers/extended_project_routes.py", code / "routes/work.py")
    run(tool("uv"), "pip", "install", "--target", packages, "python-multipart")
    site = f"/opt/venv/lib/python{baked.combination.python}/site-packages"
    (tmp_path / "Dockerfile").write_text(f"""
        ARG BASE
        FROM ${{BASE}}
        USER root
        COPY packages {site}
        COPY code {site}/{PACKAGE}
        RUN find {site}/{PACKAGE} -name __pycache__ -prune -exec rm -r {{}} +
        USER 10001:10001
    """)
    run("docker", "build", f"--build-arg=BASE={image}", "--tag", f"{image}-photos", tmp_path)
    return f"{image}-photos"


@pytest.fixture
def port(image_for_photos: str, baked: BakedProject, tmp_path: Path) -> Iterator[int]:
    """The port of the service that compose.yaml runs."""
    port = free_port()
    project = BakedProject(tmp_path / f"uploads-{port}", baked.combination)
    shutil.copytree(baked.path, project.path)
    environment = os.environ | {"IMAGE": image_for_photos, "PORT": str(port)}
    try:
        project.run("docker", "compose", "up", "--detach", "--wait", env=environment)
        yield port
        logs = project.run("docker", "compose", "logs", "--no-log-prefix", env=environment)
        assert '"error"' not in logs.stdout
    finally:
        project.run("docker", "compose", "down", "--timeout", "1", env=environment)


def upload(port: int) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/week/photos", BODY, FORM)
    with connection.getresponse() as response:
        answer = response.status, response.read()
    connection.close()
    return answer


def test_compose_has_room_for_parallel_uploads(port: int) -> None:
    with ThreadPoolExecutor(UPLOADS) as threads:
        answers = list(threads.map(upload, [port] * UPLOADS))

    assert answers == [(200, str(SIZE).encode())] * UPLOADS


def test_a_full_tmp_is_logged_as_a_failure(image_for_photos: str) -> None:
    options = ["--publish=127.0.0.1::8000", "--tmpfs=/tmp:size=4m"]
    with container(image_for_photos, *options) as name:
        wait_until(lambda: "Uvicorn running" in run("docker", "logs", name).stdout, name)
        status, answer = upload(int(address(name).rpartition(":")[2]))
        logs = run("docker", "logs", name).stdout

    assert status == json.loads(answer)["status"] == 500
    (failure,) = (json.loads(line) for line in logs.splitlines() if '"error"' in line)
    assert re.search("No space left on device", failure["exception"])
