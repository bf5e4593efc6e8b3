from fastapi import FastAPI
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from tests.conftest import first_router


def test_requests_are_counted_by_the_template_of_their_route(
    app: FastAPI, client: TestClient
) -> None:
    @first_router(app).get("/measured/{name}")
    async def get(name: str) -> str:
        return name

    for name in "abc":
        client.get(f"/measured/{name}")

    labels = {"method": "GET", "route": "/measured/{name}", "status": "2xx"}
    assert REGISTRY.get_sample_value("http_request_duration_seconds_count", labels) == 3
