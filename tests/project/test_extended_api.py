"""Ordinary extensions of a web API, as its owner would make them, tested against `serve`."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.helpers.extended_project import PREFIX, Server, each_extended, serving, venv
from tests.helpers.harness import BakedProject, activated_env, run

LARGE = {"content-length": "9000000"}
STREAMS = ["events", "export"]
ORIGIN = "https://shop.example"

pytestmark = each_extended


@pytest.fixture(scope="module")
def serve(extended: BakedProject, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a time limit of one second, shared by most of the tests."""
    output = tmp_path_factory.mktemp("serve") / "output"
    settings = {
        "request_timeout_seconds": 1,
        "shutdown_grace_seconds": 3,
        "cors_origins": json.dumps([ORIGIN]),
        "database__host": "db",
        "partners": '["a", "b"]',
    }
    with serving(extended, output, **settings) as server:
        yield server
        assert server.stop() == 0
        failures = [line["exception"].splitlines()[-1] for line in server.log(level="error")]
        assert set(failures) == {"ZeroDivisionError"}


def test_settings_may_be_nested_lists_or_aliases(serve: Server) -> None:
    expected = {"host": "db", "region": "nowhere", "partners": ["a", "b"], "token": "**********"}

    assert serve.get("/week/settings") == (200, expected)


def test_a_required_setting_breaks_no_test_of_the_project(extended: BakedProject) -> None:
    environment = activated_env(venv(extended))

    extended.run("pytest", "-q", env=environment | {"CLOUD_REGION": "the developer's"})
    env_file = extended.path / ".env"
    content = env_file.read_text("utf-8")
    env_file.unlink()  # As in a fresh clone.
    try:
        extended.run(
            "pytest", "-q", "tests/test_settings.py", "tests/test_errors.py", env=environment
        )
        result = extended.run(extended.path.name, "serve", env=environment, check=False)
    finally:
        env_file.write_text(content, "utf-8")

    assert result.returncode == 2
    assert result.stderr == f"Invalid settings:\n  {PREFIX}TOKEN: Field required\n"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("DATABASE__HOTS", "db", f"DATABASE__HOTS is not a setting; did you mean {PREFIX}DATABASE"),
        ("SHUTDOWN_GRACE_SECONDS", "20", "SHUTDOWN_GRACE_SECONDS must exceed"),
        ("PORT", "65536", f"{PREFIX}PORT: Input should be less than or equal to 65535"),
        ("PORT", "0", f"{PREFIX}PORT: Input should be greater than or equal to 1"),
        ("ROOT_PATH", "shop/", f"{PREFIX}ROOT_PATH: String should match pattern"),
        ("PARTNERS", "hunter2", f"{PREFIX}PARTNERS: Input should be valid JSON"),
        ("TRUSTED_PROXIES", '["hunter2"]', f"{PREFIX}TRUSTED_PROXIES: value is not a valid"),
    ],
)
def test_invalid_settings_are_refused(
    extended: BakedProject, name: str, value: str, message: str
) -> None:
    command = venv(extended) / "bin" / extended.path.name

    result = extended.run(command, "serve", env={f"{PREFIX}{name}": value}, check=False)

    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert "hunter2" not in result.stderr


def test_a_route_may_have_limits_of_its_own(serve: Server) -> None:
    assert serve.get("/week/slow?seconds=5")[0] == 504
    assert serve.get("/week/report?seconds=1.5") == (200, "done")
    assert serve.request("POST", "/week/size", headers=LARGE).status == 413
    response = serve.request("POST", "/week/import", "x" * 9_000_000)
    assert (response.status, response.body) == (200, b"9000000")


@pytest.mark.parametrize("path", STREAMS)
def test_a_stream_may_take_longer_than_the_time_limit(serve: Server, path: str) -> None:
    response = serve.request("GET", f"/week/{path}?count=8")

    assert response.status == 200
    assert len(response.body.split()) == (16 if path == "events" else 8)


def test_a_background_task_runs_to_completion(serve: Server) -> None:
    response = serve.request("POST", "/week/mails?name=ann")

    assert response.status == 202
    line = serve.wait_for(event="sent", name="ann")
    assert line["request_id"] == response.headers["x-request-id"]
    assert serve.get("/week/mails") == (200, ["ann"])


def test_a_websocket_works_and_is_logged_with_a_request_id(
    serve: Server, extended: BakedProject
) -> None:
    client = (
        "import sys; from websockets.sync.client import connect\n"
        "with connect(sys.argv[1]) as it:\n"
        "    it.send('hello'); print(it.recv(), it.response.headers['x-request-id'])\n"
    )
    url = f"ws://127.0.0.1:{serve.port}/week/echo?token=hunter2"

    output = run(venv(extended) / "bin/python", "-c", client, url).stdout.split()

    assert output[0] == "hello"
    serve.wait_for(event="disconnected", request_id=output[1])
    line = serve.wait_for(event="request", request_id=output[1])
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", "/week/echo", 101)
    assert "hunter2" not in serve.output.read_text("utf-8")


def test_every_response_has_the_headers_of_the_server(serve: Server) -> None:
    headers = serve.request("GET", "/nowhere").headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["server"] is None


def test_errors_may_have_details_and_any_status(serve: Server) -> None:
    for name, status in ("ann", 409), ("gone", 499):
        response = serve.request("PUT", f"/week/names/{name}")
        problem = json.loads(response.body)
        assert response.status == problem["status"] == status
        assert response.headers["content-type"] == "application/problem+json"
        assert problem.get("code") == ("taken" if name == "ann" else None)


def test_a_client_that_disconnects_while_sending_is_not_a_failure(serve: Server) -> None:
    form = b"content-type: multipart/form-data; boundary=x\r\n"
    part = b'--x\r\ncontent-disposition: form-data; name="photo"; filename="a"\r\n\r\n'
    for path, headers, body in (
        ("/quotes", b"content-type: application/json\r\n", b'{"items": ['),
        ("/week/size", b"", b"half"),
        ("/week/photos", form, part),
    ):
        head = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 900\r\n".encode()
        with socket.create_connection(("127.0.0.1", serve.port)) as connection:
            connection.sendall(head + headers + b"\r\n" + body)
            time.sleep(0.2)
        serve.wait_for(event="request", route=path, status=499)

    metrics = serve.request("GET", "/metrics").body.decode()
    assert 'route="/week/size",status="4xx"' in metrics
    assert not [
        line for line in metrics.splitlines() if 'status="5xx"' in line and "photos" in line
    ]
    assert "Traceback" not in serve.output.read_text("utf-8")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/livez", 200),
        ("GET", "/nowhere", 404),
        ("PUT", "/week/names/ann", 409),
        ("POST", "/quotes", 422),
        ("POST", "/week/size", 413),
        ("GET", "/week/slow?seconds=5", 504),
        ("GET", "/week/bug", 500),
    ],
)
def test_a_page_of_an_allowed_origin_can_read_every_response(
    serve: Server, method: str, path: str, status: int
) -> None:
    headers = {"origin": ORIGIN, **(LARGE if status == 413 else {})}

    response = serve.request(method, path, headers=headers)

    assert response.status == status
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-expose-headers"] == "X-Request-ID"
    assert response.headers["x-request-id"]


def test_a_port_in_use_is_reported_in_one_line(extended: BakedProject, serve: Server) -> None:
    command = venv(extended) / "bin" / extended.path.name
    taken = os.environ | {f"{PREFIX}PORT": str(serve.port)}

    result = subprocess.run(
        [command, "serve"],
        cwd=extended.path,
        env=taken,
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 3
    errors = [line for line in result.stdout.splitlines() if '"level":"error"' in line]
    assert len(errors) == 1
    assert "address already in use" in errors[0]
    assert "Traceback" not in result.stdout + result.stderr


def test_sigterm_completes_running_requests_and_ends_streams_in_time(
    extended: BakedProject, tmp_path: Path
) -> None:
    settings = {"request_timeout_seconds": 2, "shutdown_grace_seconds": 3}
    with (
        serving(extended, tmp_path / "output", **settings) as server,
        ThreadPoolExecutor(8) as threads,
    ):
        paths = ["slow?seconds=1.5", "blocking?seconds=1.5"]
        requests = [threads.submit(server.get, f"/week/{path}") for path in paths]
        paths = ["download?count=14", "late"]
        complete = [threads.submit(server.request, "GET", f"/week/{path}") for path in paths]
        threads.submit(server.request, "POST", "/week/mails?name=ann")
        streams = [threads.submit(server.request, "GET", f"/week/{it}?count=99") for it in STREAMS]
        server.wait_for(event="blocking")
        time.sleep(0.3)
        start = time.monotonic()
        status = server.stop()

        assert [it.result() for it in requests] == [(200, "done")] * 2
        assert [len(it.result().body) for it in complete] == [14_000, 4]
        assert server.log(event="sent")
        assert time.monotonic() - start < 7  # The streams alone would take 25 s.
        assert all(it.result().body for it in streams)
        assert status == 0
        assert [*server.log(level="error"), *server.log(level="critical")] == []
