"""The running image: what an orchestrator and its operators rely on."""

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tests.helpers.containers import (
    JOBS,
    NEWEST,
    SERVICES,
    container,
    exit_status,
    extend_image,
    free_port,
    inspect,
    is_json_lines,
    read_all,
    request_json,
    run_once,
    wait_until_healthy,
    write_orders,
)
from tests.helpers.harness import PACKAGE, BakedProject, each, run
from tests.helpers.openapi import examples

NEWEST_SERVICES = [one for one in SERVICES if one in NEWEST]
NEWEST_JOBS = [one for one in JOBS if one in NEWEST]
LIVEZ = b"GET /livez HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
PREFIX = f"{PACKAGE.upper()}_"
REQUESTS = 240
WORK = ["run", "data/orders.csv", "data/orders.jsonl"]
# No file can be created in it, not even an empty one.
FULL_TMP = "--tmpfs=/tmp:size=4k,nr_inodes=1"
INSTALLERS = ["pip", "ensurepip", "setuptools", "wheel", "poetry"]
IMPORT_ALL = f"""
import importlib, pkgutil, sys
package = importlib.import_module("{PACKAGE}")
for module in pkgutil.walk_packages(package.__path__, "{PACKAGE}."):
    if not module.name.endswith(".__main__"):
        importlib.import_module(module.name)
        print(module.name)
"""

pytestmark = pytest.mark.usefixtures("docker")


@each(NEWEST)
def test_its_user_is_a_number_and_cannot_write_to_the_code(image: str) -> None:
    user = inspect(image)["Config"]["User"].split(":")[0]
    writable = ["/opt/venv", "-writable", "-not", "-type", "l"]

    found = run("docker", "run", "--rm", "--entrypoint=find", image, *writable)

    assert user.isdecimal()
    assert int(user) > 0
    assert found.stdout == ""


@each(NEWEST)
def test_it_has_no_installers_or_compilers(image: str) -> None:
    script = (
        "import importlib.util, shutil, sys; print([*map(importlib.util.find_spec, sys.argv[1:])"
    )
    script += ', *map(shutil.which, ["pip", "cc", "gcc", "make", "git"])])'

    result = run_once(image, "--entrypoint=python", command=["-c", script, *INSTALLERS])

    assert set(re.findall(r"\w+", result.stdout)) == {"None"}, result


@each(NEWEST)
def test_every_module_can_be_imported_in_production(image: str, baked: BakedProject) -> None:
    result = run_once(image, "--entrypoint=python", command=["-c", IMPORT_ALL])
    usage = run_once(image, "--entrypoint=python", command=["-m", PACKAGE, "--help"])

    assert result.returncode == 0, result.stderr
    modules = {path for path in (baked.path / "src" / PACKAGE).rglob("*.py") if path.stem[0] != "_"}
    assert len(result.stdout.splitlines()) >= len(modules) > 3
    assert "Usage:" in usage.stdout


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def serving(request: pytest.FixtureRequest, image: str, port: int) -> Iterator[str]:
    """A healthy service on `port` of this machine, with the settings of the test's parameter."""
    given = {"MAX_CONCURRENT_REQUESTS": REQUESTS, **getattr(request, "param", {}), "PORT": port}
    settings = [f"--env={PREFIX}{name}={value}" for name, value in given.items()]
    with container(image, "--network=host", *settings) as name:
        wait_until_healthy(name)
        yield name
        run("docker", "wait", name)
        assert exit_status(name) == 0
        assert is_json_lines(run("docker", "logs", name).stdout)


def example_request(port: int) -> bytes:
    """Return a POST request that the service accepts."""
    document: Any = request_json(f"http://127.0.0.1:{port}/openapi.json")
    path, body = examples(document)[0]
    content = json.dumps(body)
    head = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\n\r\n{content}".encode()


def connect(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(sent)
    return connection


def connect_with_half_a_body(port: int, request: bytes) -> socket.socket:
    """Send a request without its last 4 bytes, so that the service waits for them."""
    head, body = request.split(b"\r\n\r\n")
    connection = connect(port, head + b"\r\nexpect: 100-continue\r\n\r\n")
    # The server sends this when the application reads the body.
    assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
    connection.sendall(body[:-4])
    return connection


def request_until_refused(port: int) -> set[bytes]:
    """Send requests over new connections, and return the status lines of the responses."""
    found = set()
    with suppress(ConnectionRefusedError, ConnectionResetError):
        while True:
            found.add(read_all(connect(port, LIVEZ)).partition(b"\r\n")[0])
    return found


@each(NEWEST_SERVICES)
def test_sigterm_under_load_loses_no_accepted_request_and_refuses_new_connections(
    serving: str, port: int
) -> None:
    request = example_request(port)
    connections = [connect_with_half_a_body(port, request) for _ in range(REQUESTS)]
    idle = connect(port)
    with ThreadPoolExecutor(16) as threads:
        load = [threads.submit(request_until_refused, port) for _ in range(8)]
        sleep(0.2)
        run("docker", "kill", "--signal", "TERM", serving)
        # Connections that only the kernel has accepted are closed without a response.
        assert set().union(*(it.result() for it in load)) <= {b"HTTP/1.1 200 OK", b""}
        assert read_all(idle) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(port)
        for connection in connections:
            connection.sendall(request[-4:])
        answers = list(threads.map(read_all, connections))

    statuses = [text.partition(b"\r\n")[0] for text in answers]
    assert statuses.count(b"HTTP/1.1 200 OK") == REQUESTS


@each(NEWEST_SERVICES)
@pytest.mark.parametrize(
    "serving", [{"REQUEST_TIMEOUT_SECONDS": 1, "SHUTDOWN_GRACE_SECONDS": 3}], indirect=True
)
def test_sigterm_waits_for_endless_requests_until_their_time_limit(serving: str, port: int) -> None:
    half_a_header = connect(port, LIVEZ[:10])
    half_a_body = connect_with_half_a_body(port, example_request(port))

    start = monotonic()
    run("docker", "kill", "--signal", "TERM", serving)

    assert read_all(half_a_header) == b""
    assert b" 504 " in read_all(half_a_body).partition(b"\r\n")[0]
    run("docker", "wait", serving)
    assert monotonic() - start < 5


@each(NEWEST)
def test_sigterm_during_imports_ends_it(image: str) -> None:
    early = f"import os, time, {PACKAGE}; os.kill(1, 15); time.sleep(60)"

    result = run_once(image, "--entrypoint=python", command=["-c", early])

    assert result.returncode == 143
    assert result.stdout + result.stderr == ""


@each(NEWEST)
@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("LOG_LEVEL", ": Input should be 'debug'"),
        ("LOG_LEVLE", f" is not a setting; did you mean {PREFIX}LOG_LEVEL?"),
    ],
)
def test_an_invalid_setting_stops_it_at_once_without_showing_the_value(
    image: str, variable: str, message: str
) -> None:
    command = inspect(image)["Config"]["Cmd"] or WORK

    result = run_once(image, f"--env={PREFIX}{variable}=hunter2", command=command)

    output = result.stdout + result.stderr  # A job logs it.
    assert result.returncode == 2
    assert f"{PREFIX}{variable}{message}" in output
    assert len(output.splitlines()) == (1 if command == WORK else 2)
    assert "hunter2" not in output


@each(NEWEST)
def test_secrets_come_from_files_and_an_unreadable_one_stops_it(image: str, tmp_path: Path) -> None:
    secret = tmp_path / f"{PREFIX.lower()}log_format"
    secret.write_text("hunter2")
    tmp_path.chmod(0o755)
    command = inspect(image)["Config"]["Cmd"] or WORK
    mount = f"--volume={tmp_path}:/run/secrets:ro"

    secret.chmod(0o644)
    wrong = run_once(image, mount, command=command)
    secret.chmod(0o600)
    unreadable = run_once(image, mount, command=command)

    message = f"{PREFIX}LOG_FORMAT: Input should be 'auto', 'console' or 'json'"
    assert message in wrong.stdout + wrong.stderr
    # With the user of the container, and the command.
    remedy = f"Permission denied; run: sudo chown 123456 secrets/{secret.name}"
    assert f"/run/secrets/{secret.name}: {remedy}" in unreadable.stdout + unreadable.stderr
    assert wrong.returncode == unreadable.returncode == 2
    assert "hunter2" not in wrong.stdout + wrong.stderr + unreadable.stdout + unreadable.stderr


@each(NEWEST)
def test_other_files_mounted_among_the_secrets_are_ignored(image: str, tmp_path: Path) -> None:
    # Cloud providers mount the tokens of service accounts there.
    account = tmp_path / "kubernetes.io/serviceaccount"
    account.mkdir(parents=True)
    (account / "token").write_text("hunter2")
    for path in (tmp_path, account.parent, account):
        path.chmod(0o755)

    result = run_once(
        image,
        f"--volume={tmp_path}:/run/secrets:ro",
        "--entrypoint=python",
        command=["-c", f"from {PACKAGE}.settings import load; load()"],
    )

    assert result.returncode == 0, result.stderr


@pytest.fixture
def image_without_tmp(image: str) -> str:
    return extend_image(image, "without-tmp", "USER root", "RUN rm -rf /tmp", "USER 10001:10001")


@each(NEWEST_SERVICES)
def test_a_service_needs_no_tmp(image: str, image_without_tmp: str) -> None:
    for name, options in [(image, [FULL_TMP]), (image_without_tmp, [])]:
        with container(name, *options) as it:
            wait_until_healthy(it)
            run("docker", "stop", it)
            assert exit_status(it) == 0


@each(NEWEST_JOBS)
def test_a_job_needs_no_tmp(image: str, image_without_tmp: str, tmp_path: Path) -> None:
    mount = f"--volume={write_orders(tmp_path, 100)}:/data"
    for name, options in [(image, [FULL_TMP]), (image_without_tmp, [])]:
        result = run_once(name, mount, "--network=none", *options, command=WORK)
        assert result.returncode == 0, result.stderr
