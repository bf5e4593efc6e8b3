"""Fixtures for all tests."""

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from dotenv import dotenv_values
{%- if cookiecutter.__kind == "service" %}
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient
{%- endif %}
from pydantic import ValidationError

from {{ cookiecutter.package_name }} import logs, settings
{%- if cookiecutter.__kind == "service" %}
from {{ cookiecutter.package_name }}.app import create_app
{%- endif %}
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings

PROJECT = Path(__file__).parents[1]

type ReadLog = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in an empty folder, and set only the settings that have no default.

    Their values are those of .env.example, or else of .env or the environment.
    """
    given = os.environ | dotenv_values(PROJECT / ".env") | dotenv_values(PROJECT / ".env.example")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "SECRETS_DIR", tmp_path / "secrets")
    for name in given:
        if name.upper().startswith(PREFIX) or settings.is_setting(name):
            monkeypatch.delenv(name, raising=False)
    try:
        Settings()
    except ValidationError as error:
        for field in (detail["loc"][0] for detail in error.errors() if detail["type"] == "missing"):
            start = f"{field}__".upper(), f"{PREFIX}{field}__".upper()
            values = {it: given[it] for it in given if f"{it}__".upper().startswith(start)}
            assert any(values.values()), f"{field} has no default: set it in .env.example."
            for name, value in values.items():
                monkeypatch.setenv(name, value or "")


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Restore the configuration of logs after a test; before it, log no local variables."""
    structlog.configure(processors=[logs.to_json_line])
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook, threading.excepthook = hooks


{% if cookiecutter.__kind == "service" -%}
@pytest.fixture
def app() -> FastAPI:
    """Return the application."""
    return create_app(Settings())


def first_router(app: FastAPI) -> APIRouter:
    """Return a router for a test, whose routes take precedence over the application's."""
    router = APIRouter()
    app.include_router(router)
    app.router.routes.insert(0, app.router.routes.pop())
    return router


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    """Return a client that gets failures as responses. It does not run `lifespan`."""
    return TestClient(app, raise_server_exceptions=False)


{% endif -%}
@pytest.fixture
def read_log(capsys: pytest.CaptureFixture[str]) -> ReadLog:
    """Return a function that configures logging, and returns the log lines since the last call."""

    def read() -> list[dict[str, Any]]:
        logs.configure("info", "json")
{%- if cookiecutter.__kind == "job" %}
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]
{%- else %}
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [line for line in lines if line.get("logger") != "httpx2"]  # The client's own.
{%- endif %}

    return read
