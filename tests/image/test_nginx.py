"""nginx in front of the service enforces the limits that the service leaves to a proxy."""

import json
import re
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from urllib.request import Request, urlopen

import pytest

from tests.helpers.containers import container, free_port, read_all, request_json, wait_until
from tests.helpers.harness import COMBINATIONS, PACKAGE, BakedProject, each, run
from tests.helpers.nginx import Proxy, block, run_proxy
from tests.helpers.page_commands import is_ready

PREFIX = f"{PACKAGE.upper()}_"
BODY = json.dumps({"items": [{"article": "chair", "quantity": 4, "unit_price": "49.90"}]})
SECONDS = 1

pytestmark = [
    pytest.mark.usefixtures("docker", "nginx"),
    each([one for one in COMBINATIONS if one.application == "web-api"][:1]),
]


@contextmanager
def serving(image: str, port: int) -> Iterator[str]:
    """Run the service on a port; yield the name of its container."""
    options = ["--network=host", f"--env={PREFIX}PORT={port}", f"--env={PREFIX}LOG_FORMAT=json"]
    trusted = f'--env={PREFIX}TRUSTED_PROXIES=["127.0.0.1"]'
    with container(image, *options, trusted) as name:
        wait_until(lambda: is_ready(f"http://127.0.0.1:{port}/readyz"), name)
        yield name


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def proxy(
    baked: BakedProject, image: str, port: int, tmp_path: Path
) -> Iterator[tuple[Proxy, str]]:
    with serving(image, port) as name, run_proxy(baked, port, tmp_path, SECONDS) as running:
        yield running, name


def post(headers: str = "", body: str = BODY, length: int | None = None) -> bytes:
    """Return a request, whose body may be shorter than its declared length."""
    length = len(body) if length is None else length
    head = "POST /quotes HTTP/1.1\r\nhost: my-application.example.com\r\nconnection: close\r\n"
    head += f"content-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
    return (head + body).encode()


def status(response: bytes) -> int | None:
    """Return the status of a response, or None if the connection was closed without one."""
    return int(response.split()[1]) if response else None


def send_endless_headers(connection: ssl.SSLSocket) -> bytes:
    """Send 100 headers of 1 kB each, and no end of them; return the response."""
    headers = b"x-header: " + b"x" * 1000 + b"\r\n"
    connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: my-application.example.com\r\n")
    connection.sendall(headers * 100)
    return read_all(connection)


def test_slow_and_endless_requests_do_not_reach_the_service(
    proxy: tuple[Proxy, str], port: int
) -> None:
    nginx, name = proxy
    idle = [nginx.connect() for _ in range(1000)]
    half_headers = [nginx.connect() for _ in range(100)]
    half_bodies = [nginx.connect() for _ in range(100)]
    started = monotonic()
    for connection in half_headers:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: my-appl")
    for connection in half_bodies:
        connection.sendall(post(length=len(BODY) + 1))

    assert request_json(f"http://127.0.0.1:{port}/readyz") == {"status": "ok"}
    with nginx.connect() as connection:
        connection.sendall(post())
        assert status(read_all(connection)) == 200
    assert status(send_endless_headers(nginx.connect())) == 400
    assert {status(read_all(one)) for one in idle} == {None}
    assert {status(read_all(one)) for one in half_headers} <= {408, None}
    assert {status(read_all(one)) for one in half_bodies} <= {408, None}
    # The timeouts closed the connections, all at once.
    assert monotonic() - started < 20 * SECONDS
    with nginx.connect() as connection:
        connection.sendall(post(body="x" * 1000, length=9_000_000))
        assert status(connection.recv(1000)) == 413

    log = [json.loads(line) for line in run("docker", "logs", name).stdout.splitlines()]
    served = [line for line in log if line["event"] == "request" and line["route"] == "/quotes"]
    assert [line["status"] for line in served] == [200]


def test_the_service_gets_the_client_and_the_scheme_from_the_proxy(
    proxy: tuple[Proxy, str],
) -> None:
    nginx, name = proxy
    with nginx.connect() as connection:
        # Java's HTTP client offers HTTP/2 like this.
        connection.sendall(
            post("upgrade: h2c\r\nhttp2-settings: x\r\nx-forwarded-for: 1.2.3.4\r\n")
        )
        assert status(read_all(connection)) == 200

    log = run("docker", "logs", name).stdout
    assert '"client":"127.0.0.1"' in log
    assert "1.2.3.4" not in log


def test_the_page_trusts_the_proxy_on_a_machine_with_many_networks(
    baked: BakedProject, image: str, port: int
) -> None:
    (value,) = re.findall(
        r"TRUSTED_PROXIES: '(.*)'", (baked.path / "docs/production.md").read_text()
    )
    published, network = f"--publish=127.0.0.1:{port}:8000", f"nginx-test-{port}"
    options = [f"--network={network}", published, f"--env={PREFIX}TRUSTED_PROXIES={value}"]
    url = f"http://127.0.0.1:{port}/readyz"
    # From the fifteenth network on, Docker takes addresses from 192.168.0.0/16.
    run("docker", "network", "create", "--subnet=192.168.254.0/24", network)
    try:
        with container(image, *options) as name:
            wait_until(lambda: is_ready(url), name)
            request = Request(url, headers={"x-forwarded-for": "203.0.113.9"})
            urlopen(request, timeout=10).close()  # noqa: S310 - the same
            assert '"client":"203.0.113.9"' in run("docker", "logs", name).stdout
    finally:
        run("docker", "network", "rm", network)


def test_an_update_with_a_second_container_loses_no_request(
    baked: BakedProject, image: str, port: int, tmp_path: Path
) -> None:
    commands = block(baked, "console", "systemctl reload nginx")
    (edit,) = re.findall(r"^sed -i s/127.0.0.1:8000/127.0.0.1:8001/ ", commands, re.MULTILINE)
    order = [commands.index(it) for it in ("up --detach --wait", edit, "reload nginx", " down")]
    assert order == sorted(order)
    outcomes: list[int | None] = []
    stopped = Event()

    def client(nginx: Proxy) -> None:
        # One connection for each request: nginx closes idle ones when it reloads.
        while not stopped.is_set():
            with nginx.connect() as connection:
                connection.sendall(post())
                outcomes.append(status(read_all(connection)))

    with ExitStack() as running:
        old = running.enter_context(serving(image, port))
        nginx = running.enter_context(run_proxy(baked, port, tmp_path, 10))
        clients = [Thread(target=client, args=[nginx]) for _ in range(4)]
        for thread in clients:
            thread.start()
        other = free_port()
        running.enter_context(serving(image, other))
        text = nginx.configuration.read_text("utf-8")
        nginx.configuration.write_text(text.replace(f":{port};", f":{other};"), "utf-8")
        nginx.reload()
        run("docker", "stop", "--timeout", "60", old)
        sleep(1)
        stopped.set()
        for thread in clients:
            thread.join()

    assert len(outcomes) > 100
    assert [one for one in outcomes if one != 200] == []
