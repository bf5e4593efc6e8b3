import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def app() -> FastAPI:
    return create_app(Settings(trusted_hosts=("api.example", "[::1]")))


@pytest.mark.parametrize("host", ["api.example", "API.example:8000", "[::1]", "[::1]:8000"])
def test_a_trusted_host_is_served(client: TestClient, host: str) -> None:
    assert client.get("/docs", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["", "evil.example", "api.example.evil", "api.example:x", "::1"])
def test_another_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/docs", headers={"host": host}).status_code == 421


def test_a_probe_may_name_any_host(client: TestClient) -> None:
    assert client.get("/readyz", headers={"host": "10.0.0.7:8000"}).status_code == 200
