import signal
from typing import Any

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