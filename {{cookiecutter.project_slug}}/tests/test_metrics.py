import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from tests.conftest import first_router


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    @first_router(app).get("/measured/{name}")
    async def get(name: str) -> str:
        return name

    return app


def count(method: str, route: str, status: str) -> float:
    """Return how many requests have been counted."""
    labels = {"method": method, "route": route, "status": status}
    return REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) or 0


def test_requests_are_counted_by_the_template_of_their_route(client: TestClient) -> None:
    for name in "abc":
        client.get(f"/measured/{name}")

    assert count("GET", "/measured/{name}", "2xx") == 3


def test_unknown_methods_and_paths_share_one_time_series(client: TestClient) -> None:
    before = len(client.get("/metrics").text.splitlines())
    client.request("INVENTED", "/measured/x")
    once = len(client.get("/metrics").text.splitlines())
    for number in range(10):
        client.request(f"INVENTED{number}", f"/measured/{number}")

    assert before < once
    assert len(client.get("/metrics").text.splitlines()) == once
    assert count("other", "/measured/{name}", "4xx") >= 11
