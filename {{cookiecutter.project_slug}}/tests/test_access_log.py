import logging

import pytest
import structlog
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from tests.conftest import ReadLog, first_router

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    router = first_router(app)

    @router.get("/things/{name}")
    def log_something(name: str) -> None:
        structlog.get_logger().info("ours", name=name)
        logging.getLogger("library").warning("theirs")

    @router.post("/things/fail")
    async def fail(request: Request) -> None:
        body = await request.json()
        raise RuntimeError(f"{len(body)} values")

    return app


def test_every_line_of_a_request_has_its_id(client: TestClient, read_log: ReadLog) -> None:
    read_log()
    headers = {"x-request-id": "abc-1", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}

    response = client.get("/things/x", headers=headers)

    assert response.headers["x-request-id"] == "abc-1"
    lines = read_log()
    assert [line["event"] for line in lines] == ["ours", "theirs", "request"]
    assert {line["request_id"] for line in lines} == {"abc-1"}
    assert {line["trace_id"] for line in lines} == {TRACE}
    assert (lines[-1]["route"], lines[-1]["status"]) == ("/things/{name}", 200)


def test_a_failure_is_logged_without_what_the_client_sent(
    client: TestClient, read_log: ReadLog
) -> None:
    read_log()
    secrets = {"authorization": "Bearer hunter2", "cookie": "session=hunter2"}

    url = "/things/fail?token=hunter2"
    response = client.post(url, json={"password": "hunter2"}, headers=secrets)

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    failure, request = read_log()
    assert failure["exception"].endswith("RuntimeError: 1 values")
    assert failure["request_id"] == request["request_id"] == response.json()["request_id"]
    assert request["status"] == 500
    assert "hunter2" not in response.text + str(failure) + str(request)
