from http.client import HTTPConnection
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner

from my_application.cli import app


def test_healthcheck_fails_with_the_reason_of_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    response = Mock(status=503, read=lambda: b"no database")
    monkeypatch.setattr(HTTPConnection, "request", lambda *_: None)
    monkeypatch.setattr(HTTPConnection, "getresponse", lambda _: response)

    assert "no database" in str(CliRunner().invoke(app, ["healthcheck"]).exception)
