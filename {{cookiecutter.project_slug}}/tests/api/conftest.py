"""What the tests of the API share."""

from collections.abc import Iterator
from http import HTTPStatus
from time import monotonic, sleep

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


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
