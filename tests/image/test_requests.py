"""Valid, invalid and hostile requests to an API in its container."""

import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.helpers.containers import (
    NEWEST,
    address,
    container,
    is_json_lines,
    request_json,
    wait_until_healthy,
)
from tests.helpers.harness import PACKAGE, each, run, skip_or_fail, tool
from tests.helpers.openapi import Document, examples

APIS = [combination for combination in NEWEST if combination.kind == "service"]
REQUEST = b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n"
SMUGGLED = b"\r\ncontent-length: 5\r\ncontent-length: 50\r\n\r\nhello"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

pytestmark = pytest.mark.usefixtures("docker")


@pytest.fixture
def url(image: str) -> Iterator[str]:
    """The address of a healthy service, whose log has to be JSON without errors."""
    with container(image, "--publish", "127.0.0.1::8000") as name:
        wait_until_healthy(name)
        yield address(name)
        log = run("docker", "logs", name)
        assert log.stderr == ""
        assert is_json_lines(log.stdout)
        assert '"level":"error"' not in log.stdout


def document(url: str) -> Document:
    found = request_json(f"{url}/openapi.json")
    assert isinstance(found, dict)
    return found


@pytest.mark.slow("sends 2,000 requests")
@each(APIS)
def test_requests_of_schemathesis_are_answered_as_documented(url: str, tmp_path: Path) -> None:
    options = ["--max-examples", "2000", "--generation-deterministic", "--no-color"]
    command = ["run", f"{url}/openapi.json", "--checks", "all", *options]

    result = run(tool("schemathesis"), *command, cwd=tmp_path)  # It creates a folder.

    (cases,) = re.findall(r"(\d+) generated, (\d+) passed", result.stdout)
    assert cases[0] == cases[1]
    assert int(cases[0]) >= 2000


@each(APIS)
def test_the_service_stays_ready_with_hostile_connections(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    path, _ = examples(document(url))[0]
    post = f"POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: %d\r\n\r\n".encode()

    def connect(sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection((host, int(port)), timeout=20)
        connection.sendall(sent)
        return connection

    idle = [connect() for _ in range(1000)]
    slow = [connect(REQUEST[:-6]) for _ in range(50)]
    asset = b"/docs/assets/swagger-ui-bundle.js"
    unread = [connect(REQUEST.replace(b"/livez", asset)) for _ in range(20)]
    for connection in unread:  # Until then it counts towards the limit of 32 requests.
        connection.recv(1, socket.MSG_PEEK)
    for _ in range(20):
        connect(post % 9 + b"{").close()
    endless = connect(b"GET / HTTP/1.1\r\na: " + b"b" * 100_000)
    large = connect(post % 9_000_000_000)
    smuggled = connect(REQUEST.replace(b"\r\n\r\n", SMUGGLED))
    pipelined = connect(REQUEST * 3)

    start = time.monotonic()
    assert request_json(f"{url}/readyz") == {"status": "ok"}
    assert time.monotonic() - start < 2
    assert b" 400 " in endless.recv(100)
    assert b" 413 " in large.recv(100)
    assert b" 400 " in smuggled.recv(100)
    time.sleep(0.5)
    assert pipelined.recv(10_000).count(b"HTTP/1.1 200 OK") == 3
    for connection in [*idle, *slow, *unread, endless, large, smuggled, pipelined]:
        connection.close()
    assert request_json(f"{url}/readyz") == {"status": "ok"}


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The machine's own browser: `REQUIRE_BROWSER=1` turns the skip into a failure."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        required = os.environ.get("REQUIRE_BROWSER") == "1"
        skip_or_fail(f"None of {', '.join(BROWSERS)} is on PATH.", required=required)
    return Path(found)


@pytest.fixture
def page(chromium: Path) -> Iterator[Page]:
    """A browser page, which must not report errors or send requests to other hosts."""
    messages: list[str] = []
    requested: set[str] = set()
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        page.on("console", lambda message: messages.append(message.text))
        page.on("request", lambda request: requested.add(request.url))
        yield page
        origin = page.url.partition("/docs")[0]
        browser.close()
    assert messages == []
    assert {address for address in requested if not address.startswith((origin, "data:"))} == set()


def execute(page: Page, docs: str) -> dict[str, object]:
    """Send the example of the first POST in Swagger UI; return the response that it shows."""
    page.goto(docs)
    operation = page.locator(".opblock-post").first
    operation.click()
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response .highlight-code").first
    answer.wait_for()
    shown: dict[str, object] = json.loads(answer.inner_text().replace("Download", "").strip())
    return shown


@each(APIS)
def test_the_documentation_sends_a_request_from_the_page_and_shows_the_answer(
    url: str, page: Page
) -> None:
    shown = execute(page, f"{url}/docs")

    assert shown.get("total") or shown.get("predictions")


class StrippingProxy(BaseHTTPRequestHandler):
    """A proxy that serves an API below `/shop`, and strips this prefix."""

    upstream: str

    def do_GET(self) -> None:
        assert self.path.startswith("/shop/")
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {"content-type": self.headers.get("content-type", "")} if body else {}
        url = self.upstream + self.path.removeprefix("/shop")
        with urlopen(Request(url, body or None, headers), timeout=10) as answer:  # noqa: S310 - local
            self.send_response(answer.status)
            for name in ("content-type", "content-length"):
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.read())

    do_POST = do_GET  # noqa: N815 - the server calls it

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@each(APIS)
def test_it_works_behind_a_proxy_that_strips_a_path_prefix(image: str, page: Page) -> None:
    options = ["--publish=127.0.0.1::8000", f"--env={PACKAGE.upper()}_ROOT_PATH=/shop"]
    with container(image, *options) as name:
        wait_until_healthy(name)
        handler = type("Handler", (StrippingProxy,), {"upstream": address(name)})
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            Thread(target=server.serve_forever).start()
            url = f"http://127.0.0.1:{server.server_port}/shop"
            try:
                assert document(url)["servers"] == [{"url": "/shop"}]
                assert request_json(f"{url}/readyz") == {"status": "ok"}
                assert request_json(f"{address(name)}/readyz") == {"status": "ok"}
                shown = execute(page, f"{url}/docs")
            finally:
                server.shutdown()

    assert shown.get("total") or shown.get("predictions")
