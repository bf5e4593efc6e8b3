"""What the tests of the API share."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from time import monotonic, sleep
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }} import logs
from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

type Finish = Callable[[], int]
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
def finish(app: FastAPI, client: TestClient) -> Iterator[Finish]:
    """A request to `/wait` is in flight; calling this lets it end, and gives its status."""
    begun, ended = threading.Event(), threading.Event()

    @app.get("/wait")
    def wait() -> bool:
        begun.set()
        return ended.wait(10)

    def end() -> int:
        ended.set()
        return waiting.result().status_code

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(client.get, "/wait")
        assert begun.wait(10)
        yield end
        ended.set()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What has been logged since this was last called; the first call begins the logging."""

    def read() -> list[dict[str, Any]]:
        logs.configure("info", "json")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return read
