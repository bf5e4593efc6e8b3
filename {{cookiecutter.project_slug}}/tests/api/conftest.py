"""What the tests of the API share."""

import json
from collections.abc import Callable, Iterator
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }} import logs
from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

type Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def app() -> FastAPI:
    return create_app(Settings())


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A client of the service when it is ready; a failure is an answer to it, not an exception."""
    with TestClient(app, raise_server_exceptions=False) as client:
        deadline = monotonic() + 20
        while client.get("/readyz").status_code != HTTPStatus.OK:
            assert monotonic() < deadline
            sleep(0.01)
        yield client


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What has been logged since this was last called; the first call begins the logging."""

    def read() -> list[dict[str, Any]]:
        logs.configure("info", "json")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read
