from collections.abc import Callable

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def app() -> FastAPI:
    return create_app(Settings(max_in_flight=1))


def test_one_request_too_many_is_refused_but_probes_are_answered(
    client: TestClient, finish: Callable[[], int]
) -> None:
    refused = client.get("/wait")
    probes = [client.get(path).status_code for path in ("/livez", "/readyz", "/metrics")]

    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert probes == [200, 200, 200]
    assert finish() == 200
    assert client.get("/wait").status_code == 200
