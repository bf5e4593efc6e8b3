"""The running image, from outside: what an orchestrator and its operators rely on."""

import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from tests.containers import (
    NEWEST,
    answer,
    ask,
    container,
    exit_status,
    free_port,
    inspect,
    only_json,
    orders,
    run_once,
    wait_until_healthy,
    with_python,
)
from tests.harness import PACKAGE, BakedProject, each, run

SERVICES = [one for one in NEWEST if one.application != "job"]
JOBS = [one for one in NEWEST if one.application == "job"]
PREFIX = f"{PACKAGE.upper()}_"
REQUESTS = 240
WORK = ["run", "orders.csv", "orders.jsonl"]
# No file can be made in it, not even an empty one.
FULL_TMP = "--tmpfs=/tmp:size=4k,nr_inodes=1"

pytestmark = pytest.mark.usefixtures("docker")


@each(SERVICES)
def test_sigterm_loses_no_request_and_refuses_new_connections(image: str) -> None:
    port = free_port()
    here = ("127.0.0.1", port)
    head = b"POST /nowhere HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\n"
    request = head + b"some body"
    # The request line, half of the headers, half of the body; and one that has not sent a byte.
    cuts = [10, len(head) - 12, len(request) - 4, 0]
    with container(image, "--network=host", f"--env={PREFIX}PORT={port}") as name:
        wait_until_healthy(name)
        connections = []
        for _, cut in zip(range(REQUESTS), cycle(cuts), strict=False):
            connections.append((socket.create_connection(here), cut))
            connections[-1][0].sendall(request[:cut])
        sleep(0.5)

        run("docker", "kill", "--signal", "TERM", name)
        sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(here)
        # Idle connections get half a second; the others as long as it takes.
        for connection, cut in sorted(connections, key=lambda one: one[1]):
            connection.sendall(request[cut:])
        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(answer, [connection for connection, _ in connections]))

        statuses = [text.partition(b"\r\n")[0] for text in answers]
        assert statuses.count(b"HTTP/1.1 404 Not Found") == REQUESTS
        run("docker", "wait", name)
        assert exit_status(name) == 0
        assert only_json(run("docker", "logs", name).stdout)


def exchange(connection: socket.socket, request: bytes) -> bytes:
    """Send a request; give the first line of what is answered."""
    connection.sendall(request)
    return answer(connection).partition(b"\r\n")[0]


@each([one for one in SERVICES if one.application == "model-api"])
def test_sigterm_loses_no_request_of_a_busy_service(image: str) -> None:
    port = free_port()
    with container(image, "--network=host", f"--env={PREFIX}PORT={port}") as name:
        wait_until_healthy(name)
        document: Any = ask(f"http://127.0.0.1:{port}/openapi.json")
        body = document["paths"]["/predictions"]["post"]["requestBody"]["content"]
        example = body["application/json"]["example"]
        content = json.dumps({"instances": example["instances"] * 1000})
        head = "POST /predictions HTTP/1.1\r\nhost: test\r\nconnection: close\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        request = (head + content).encode()
        # The kernel has them all; the service comes to accept them between its predictions.
        connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(REQUESTS)]
        with ThreadPoolExecutor(REQUESTS) as threads:
            exchanges = [threads.submit(exchange, it, request) for it in connections]
            sleep(0.2)
            run("docker", "kill", "--signal", "TERM", name)
            statuses = [it.result() for it in exchanges]

        assert statuses.count(b"HTTP/1.1 200 OK") == REQUESTS
        run("docker", "wait", name)
        assert exit_status(name) == 0


@each(SERVICES)
def test_requests_that_never_end_are_cut_off_after_the_grace_time(image: str) -> None:
    port = free_port()
    options = ["--network=host", f"--env={PREFIX}PORT={port}", f"--env={PREFIX}GRACE_SECONDS=1"]
    with container(image, *options) as name:
        wait_until_healthy(name)
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"GET /livez HT")
            sleep(0.2)
            run("docker", "stop", "--timeout", "30", name)

        assert exit_status(name) == 0


@each(NEWEST)
def test_sigterm_ends_it_while_it_still_imports(image: str) -> None:
    early = f"import os, time, {PACKAGE}; os.kill(1, 15); time.sleep(60)"

    result = run_once(image, "--entrypoint=python", command=["-c", early])

    assert result.returncode == 143
    assert result.stdout + result.stderr == ""


@each(NEWEST)
@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("LOG_LEVEL", "hunter2", "Input should be 'debug'"),
        ("LOG_LEVLE", "hunter2", f"There is no such setting. Did you mean {PREFIX}LOG_LEVEL?"),
    ],
)
def test_a_wrong_setting_stops_it_at_once_and_its_value_is_not_shown(
    image: str, variable: str, value: str, message: str
) -> None:
    command = inspect(image)["Config"]["Cmd"] or WORK

    result = run_once(image, f"--env={PREFIX}{variable}={value}", command=command)

    assert result.returncode == 2
    assert f"{PREFIX}{variable}: {message}" in result.stderr
    assert len(result.stderr.splitlines()) == 2
    assert value not in result.stdout + result.stderr


@each(NEWEST)
def test_a_secret_comes_from_a_file_and_one_that_is_unreadable_stops_it(
    image: str, tmp_path: Path
) -> None:
    secret = tmp_path / f"{PREFIX.lower()}log_format"
    secret.write_text("hunter2")
    tmp_path.chmod(0o755)
    command = inspect(image)["Config"]["Cmd"] or WORK
    mount = f"--volume={tmp_path}:/run/secrets:ro"

    secret.chmod(0o644)
    wrong = run_once(image, mount, command=command)
    secret.chmod(0o600)
    unreadable = run_once(image, mount, command=command)

    assert f"{PREFIX}LOG_FORMAT: Input should be 'auto', 'console' or 'json'" in wrong.stderr
    assert (
        f"{PREFIX}LOG_FORMAT: /run/secrets/{secret.name}: Permission denied." in unreadable.stderr
    )
    assert wrong.returncode == unreadable.returncode == 2
    assert "hunter2" not in wrong.stderr + unreadable.stderr


def changed(image: str, suffix: str, *lines: str) -> str:
    """Build another image on top of one; give its name."""
    name, dockerfile = f"{image}-{suffix}", "\n".join([f"FROM {image}", *lines])
    command = ["docker", "build", "--tag", name, "-"]
    subprocess.run(command, input=dockerfile, text=True, check=True, capture_output=True)
    return name


@pytest.fixture
def image_without_tmp(image: str) -> str:
    return changed(image, "without-tmp", "USER root", "RUN rm -rf /tmp", "USER 10001:10001")


@each(SERVICES)
def test_a_service_needs_no_tmp(image: str, image_without_tmp: str) -> None:
    for name, options in [(image, [FULL_TMP]), (image_without_tmp, [])]:
        with container(name, *options) as it:
            wait_until_healthy(it)
            run("docker", "stop", it)
            assert exit_status(it) == 0


@each(JOBS)
def test_a_job_needs_no_tmp(image: str, image_without_tmp: str, tmp_path: Path) -> None:
    mount = f"--volume={orders(tmp_path, 100)}:/data"
    for name, options in [(image, [FULL_TMP]), (image_without_tmp, [])]:
        result = run_once(name, mount, "--network=none", *options, command=WORK)
        assert result.returncode == 0, result.stderr


@each(NEWEST)
def test_the_projects_own_contract_holds_and_finds_what_breaks_it(
    baked: BakedProject, image: str
) -> None:
    held = baked.run("make", "contract", f"IMAGE={image}", env=with_python())
    broken = changed(image, "broken", "USER 0")
    found = baked.run("make", "contract", f"IMAGE={broken}", env=with_python(), check=False)

    # Docker has a network of this name, which is no image.
    absent = baked.run("make", "contract", "IMAGE=none", env=with_python(), check=False)

    assert f"{image} keeps its contract." in held.stdout
    assert found.returncode
    assert "The image breaks its contract. It runs as 0." in found.stderr
    assert "Run: make image" in absent.stderr
