"""Whatever fails, the log of a web API contains no secrets and no endless lines."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.extended_project import Server, each_extended, edit, serving, venv
from tests.helpers.harness import BakedProject, run

VALUE = "hunter2"
HEADERS = {
    "authorization": f"Bearer {VALUE}",
    "cookie": f"session={VALUE}",
    "content-type": "application/json",
}
BODY = json.dumps({"name": "ann", "password": VALUE})
PATH = f"/week/fail/%s?token={VALUE}"
WAYS = {
    "request": ("RuntimeError", 500),
    "validation": ("ValidationError", 500),
    "response": ("ResponseValidationError", 500),
    "thread": ("ValidationError", 200),
    "pool": ("RuntimeError", 500),
    "background": ("RuntimeError", 200),
    "task": ("ValidationError", 200),
    "library": ("ValidationError", 200),
    "recursion": ("RuntimeError", 500),
    "message": ("RuntimeError", 500),
    "group": ("Exception Group Traceback", 500),
}

pytestmark = each_extended


@pytest.fixture(scope="module", params=["json", "console"])
def server(
    request: pytest.FixtureRequest,
    extended: BakedProject,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    output = tmp_path_factory.mktemp("serve") / "output"
    with serving(extended, output, log_format=request.param) as server:
        yield server


def check_log(output: Path) -> None:
    """Check that entries are short, and that none contains the secret."""
    text = output.read_bytes()
    assert VALUE.encode() not in text
    # On a console, a traceback is one entry with many lines.
    entries = re.split(rb"\n(?=\S*\d{4}-\d\d-\d\dT|\{)", text)
    assert max(map(len, entries)) < 8000


def log_of(server: Server) -> str:
    return server.output.read_text("utf-8")


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_shows_its_kind_and_no_secret(server: Server, way: str) -> None:
    before = len(log_of(server))
    error, status = WAYS[way]

    answer = server.request("POST", PATH % way, BODY, HEADERS)

    assert answer.status == status
    assert VALUE.encode() not in answer.body
    deadline = time.monotonic() + 10
    while error not in log_of(server)[before:]:
        assert time.monotonic() < deadline, log_of(server)[before:]
        time.sleep(0.05)
    assert "routes/work.py" in log_of(server)[before:] or way == "response"
    check_log(server.output)


def test_a_websocket_that_fails_shows_no_secret(server: Server, extended: BakedProject) -> None:
    client = (
        "import sys; from websockets.sync.client import connect\n"
        "with connect(sys.argv[1]) as it:\n"
        "    it.send(sys.argv[2]); print(*it)\n"
    )
    url = f"ws://127.0.0.1:{server.port}/week/fail?token={VALUE}"

    run(venv(extended) / "bin/python", "-c", client, url, VALUE, check=False)

    assert f"{len(VALUE)} characters" in log_of(server)
    check_log(server.output)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_crash_at_startup_shows_no_secret(
    request: pytest.FixtureRequest,
    extended: BakedProject,
    log_format: str,
    tmp_path: Path,
) -> None:
    app = extended.path / "src/my_application/app.py"
    before = app.read_text("utf-8")
    request.addfinalizer(lambda: app.write_text(before, "utf-8"))
    edit(
        app,
        "    async with pool:",
        "    errors.Problem.model_validate({'title': 'x', 'status': parameters['password']})\n"
        "    async with pool:",
    )

    with serving(extended, tmp_path / "output", log_format=log_format) as server:
        assert server.process.wait(20) == 3

    assert "ValidationError" in log_of(server)
    assert "in lifespan" in log_of(server)
    check_log(server.output)
