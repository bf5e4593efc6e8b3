import signal
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.settings import PREFIX, load


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
def test_invalid_settings_end_with_one_line_each(
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