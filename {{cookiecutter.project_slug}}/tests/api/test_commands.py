import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import pytest
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.environment import PREFIX


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


@contextmanager
def serving(port: int, **settings: int) -> Iterator[subprocess.Popen[str]]:
    """A service of its own process, from its start until it answers."""
    own = {"PORT": port, "LOG_FORMAT": "json", **settings}
    with subprocess.Popen(
        [sys.executable, "-m", "{{ cookiecutter.package_name }}", "serve"],
        env=os.environ | {PREFIX + name: str(value) for name, value in own.items()},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = monotonic() + 20
        while invoke("probe")[0]:
            assert process.poll() is None
            assert monotonic() < deadline
            sleep(0.05)
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    monkeypatch.setenv(f"{PREFIX}PORT", str(number))
    return number


def test_a_wrong_setting_ends_the_command_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "http")

    status, output = invoke("serve")

    assert status == 2
    assert f"{PREFIX}PORT: Input should be a valid integer" in output


def test_the_probe_fails_where_nothing_answers(port: int) -> None:
    status, output = invoke("probe")

    assert status == 1
    assert f"No answer on port {port}" in output


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_a_service_answers_what_has_begun_drains_and_ends_with_0_on_sigterm(port: int) -> None:
    with (
        serving(port, DRAIN_SECONDS=1) as process,
        socket.create_connection(("127.0.0.1", port)) as connection,
    ):
        assert invoke("probe") == (0, '{"status":"ok"}\n')
        connection.sendall(b"GET /livez HTTP/1.1\r\n")
        sleep(0.2)
        process.send_signal(signal.SIGTERM)
        sleep(0.3)

        status, output = invoke("probe")
        assert status == 1
        assert "service: It is stopping." in output
        connection.sendall(b"host: test\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
        assert process.wait(timeout=20) == 0
        assert process.stdout
        assert all(line.startswith("{") for line in process.stdout)
