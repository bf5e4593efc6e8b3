"""The API in operation, in its container: what clients send on purpose, by mistake or in anger."""

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from playwright.sync_api import sync_playwright

from tests.containers import (
    NEWEST,
    address,
    ask,
    container,
    exit_status,
    only_json,
    wait_until_healthy,
)
from tests.harness import each, run, tool, unavailable

APIS = [combination for combination in NEWEST if combination.application != "job"]
REQUEST = b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n"
POST = b"POST /predictions HTTP/1.1\r\nhost: test\r\ncontent-length: %d\r\n\r\n"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

pytestmark = pytest.mark.usefixtures("docker")


@pytest.fixture
def url(image: str) -> Iterator[str]:
    """The address of a healthy service, whose log is JSON and without a failure at the end."""
    with container(image, "--publish", "127.0.0.1::8000") as name:
        wait_until_healthy(name)
        yield address(name)
        log = run("docker", "logs", name)
        assert log.stderr == ""
        assert only_json(log.stdout)
        assert '"level":"error"' not in log.stdout


@pytest.mark.slow("sends 2,000 requests")
@each(APIS)
def test_whatever_schemathesis_thinks_of_is_answered_as_documented(
    url: str, tmp_path: Path
) -> None:
    options = ["--max-examples", "2000", "--generation-deterministic", "--no-color"]
    command = ["run", f"{url}/openapi.json", "--checks", "all", *options]

    result = run(tool("schemathesis"), *command, cwd=tmp_path)  # It leaves a folder behind.

    (cases,) = re.findall(r"(\d+) generated, (\d+) passed", result.stdout)
    assert cases[0] == cases[1]
    assert int(cases[0]) >= 2000


@each(APIS[:1])
def test_hostile_connections_leave_the_service_ready(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")

    def connect(sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection((host, int(port)), timeout=20)
        connection.sendall(sent)
        return connection

    idle = [connect() for _ in range(1000)]
    slow = [connect(b"GET /livez HTTP/1.1\r\nx: ") for _ in range(50)]
    unread = [connect(REQUEST.replace(b"/livez", b"/docs/swagger-ui-bundle.js")) for _ in range(20)]
    for _ in range(20):
        connect(POST % 9 + b"{").close()
    large = connect(b"GET / HTTP/1.1\r\na: " + b"b" * 40_000)
    body = connect(POST % 9_000_000)
    pipelined = connect(REQUEST * 3)

    start = time.monotonic()
    assert ask(f"{url}/readyz") == {"status": "ok"}
    assert time.monotonic() - start < 2
    assert b" 431 " in large.recv(100)
    assert b" 413 " in body.recv(100)
    time.sleep(0.5)
    assert pipelined.recv(10_000).count(b"HTTP/1.1 200 OK") == 3
    assert b" 408 " in slow[0].recv(100)
    for connection in [*idle, *slow, *unread, large, body, pipelined]:
        connection.close()
    assert ask(f"{url}/readyz") == {"status": "ok"}


@each(APIS)
def test_several_workers_are_counted_as_one_service(image: str) -> None:
    prefix = "MY_APPLICATION_"
    options = ["--publish", "127.0.0.1::8000", f"--env={prefix}WORKERS=2", "--tmpfs=/tmp"]
    with container(image, *options) as name:
        wait_until_healthy(name)
        url = address(name)
        for _ in range(40):
            ask(f"{url}/openapi.json")  # Over a new connection, which either may take.
        time.sleep(1.5)  # A request is counted after its answer, what is in flight every second.
        assert sample(url, "http_requests_total", 'route="/openapi.json"') == 40
        assert sample(url, "http_requests_in_flight") == 0
        assert sample(url, "application_build_info") == 1
        # Two processes that have imported all of it.
        assert sample(url, "process_resident_memory_bytes") > 100_000_000
        run("docker", "stop", "--timeout", "20", name)
        assert exit_status(name) == 0
        assert only_json(run("docker", "logs", name).stdout)


def sample(url: str, name: str, *labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    lines = [line.rpartition(" ") for line in text(f"{url}/metrics").splitlines()]
    return sum(
        float(value)
        for series, _, value in lines
        if series.partition("{")[0] == name and all(label in series for label in labels)
    )


def text(url: str) -> str:
    """The body of any answer, whatever its status."""
    try:
        with urlopen(url, timeout=10) as answer:  # noqa: S310 - a local address
            return str(answer.read().decode())
    except HTTPError as error:
        return str(error.read().decode())


@each(APIS[:1])
def test_draining_shows_at_once_and_takes_requests_until_it_ends(image: str) -> None:
    options = ["--publish", "127.0.0.1::8000", "--env=MY_APPLICATION_DRAIN_SECONDS=2"]
    with container(image, *options) as name:
        wait_until_healthy(name)
        url = address(name)
        run("docker", "kill", "--signal", "TERM", name)
        assert "service: It is stopping." in text(f"{url}/readyz")
        assert ask(f"{url}/model")
        assert run("docker", "wait", name).stdout.strip() == "0"


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The machine's own browser: `REQUIRE_BROWSER=1` turns the skip into a failure."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        required = os.environ.get("REQUIRE_BROWSER") == "1"
        unavailable(f"None of {', '.join(BROWSERS)} is on PATH.", required=required)
    return Path(found)


@each(APIS)
def test_the_documentation_sends_a_request_from_the_page_and_shows_the_answer(
    url: str, chromium: Path
) -> None:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        asked: set[str] = set()
        page.on("request", lambda request: asked.add(request.url))
        page.goto(f"{url}/docs")
        operation = page.locator(".opblock-post").first
        operation.click()
        operation.get_by_role("button", name="Execute").click()
        answer = operation.locator(".live-responses-table .response .highlight-code").first
        answer.wait_for()
        shown = json.loads(answer.inner_text().replace("Download", "").strip())
        browser.close()

    assert shown.get("total") or shown.get("predictions")
    assert {address for address in asked if not address.startswith((url, "data:"))} == set()
    assert said == []
