import signal
from http.client import HTTPConnection
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.settings import PREFIX


def test_serve_uses_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    options: dict[str, Any] = {}
    monkeypatch.setattr(uvicorn, "run", lambda *_, **given: options.update(given))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv(f"{PREFIX}PORT", "1234")
    monkeypatch.setenv(f"{PREFIX}SHUTDOWN_GRACE_SECONDS", "50")

    assert CliRunner().invoke(app, ["serve"]).exit_code == 0

    assert (options["port"], options["timeout_graceful_shutdown"]) == (1234, 50)
    assert CliRunner().invoke(app, ["serve", "--reload"]).exit_code == 0
    assert options["timeout_graceful_shutdown"] == 1


@pytest.mark.parametrize("command", ["serve", "healthcheck"])
def test_each_invalid_setting_is_reported_in_one_line(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "hunter2")

    result = CliRunner().invoke(app, [command])

    assert result.exit_code == 2
    assert result.stderr.startswith(f"Invalid settings:\n  {PREFIX}PORT: Input should be")
    assert len(result.stderr.splitlines()) == 2


def test_healthcheck_fails_if_nothing_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}PORT", "1")

    assert CliRunner().invoke(app, ["healthcheck"]).exit_code == 1


def test_healthcheck_fails_with_the_reason_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    response = Mock(status=503, read=lambda: b"no database")
    monkeypatch.setattr(HTTPConnection, "request", lambda *_: None)
    monkeypatch.setattr(HTTPConnection, "getresponse", lambda _: response)

    assert "no database" in str(CliRunner().invoke(app, ["healthcheck"]).exception)