import signal
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.settings import PREFIX, load


class ReadinessHandler(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz" else 404)
        self.end_headers()


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Serve `/readyz` where the command line expects the service."""
    with HTTPServer(("127.0.0.1", 0), ReadinessHandler) as server:
        Thread(target=server.serve_forever).start()
        monkeypatch.setenv(f"{PREFIX}PORT", str(server.server_port))
        yield server.server_port
        server.shutdown()


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Return the options that the server is started with."""
    options: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **given: options.update(given, settings=load()))
    handler = signal.getsignal(signal.SIGTERM)
    yield options
    signal.signal(signal.SIGTERM, handler)


def test_serve_uses_the_settings(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "1234")

    assert CliRunner().invoke(app, ["serve"]).exit_code == 0

    assert served["port"] == 1234
    assert served["timeout_graceful_shutdown"] > served["settings"].request_timeout_seconds


def test_reload_gives_a_debugger_time(served: dict[str, Any]) -> None:
    assert CliRunner().invoke(app, ["serve", "--reload"]).exit_code == 0

    assert served["reload"]
    assert served["settings"].request_timeout_seconds > 3600


@pytest.mark.parametrize("command", ["serve", "healthcheck"])
def test_invalid_settings_are_named_in_one_line_each(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "hunter2")

    result = CliRunner().invoke(app, [command])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"Invalid settings:\n  {PREFIX}PORT: Input should be")
    assert len(result.stderr.splitlines()) == 2


@pytest.mark.usefixtures("port")
def test_healthcheck_succeeds_if_the_service_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CliRunner().invoke(app, ["healthcheck"]).exit_code == 0

    monkeypatch.setattr(ReadinessHandler, "status", 503)
    assert CliRunner().invoke(app, ["healthcheck"]).exit_code == 1


def test_healthcheck_fails_if_nothing_listens(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}HOST", "127.0.0.2")

    result = CliRunner().invoke(app, ["healthcheck"])

    assert result.exit_code == 1
    assert port