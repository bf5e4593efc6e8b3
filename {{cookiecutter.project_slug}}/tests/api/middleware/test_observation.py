import logging
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.middleware.observation import ids

type Lines = Callable[[], list[dict[str, Any]]]

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    router = APIRouter(prefix="/shelves")

    @router.get("/{shelf}")
    def shelf(shelf: int) -> int:
        structlog.get_logger("shop").info("looking")
        logging.getLogger("library").warning("dusty")
        return shelf

    @router.get("/{shelf}/fall")
    async def fall(shelf: int) -> int:
        return 1 // (shelf - shelf)

    app.include_router(router, prefix="/v1")
    return app


def test_a_request_is_one_line_with_the_template_of_its_path(
    client: TestClient, lines: Lines
) -> None:
    lines()

    answer = client.get("/v1/shelves/7?secret=hunter2", headers={"traceparent": TRACEPARENT})

    (line,) = [line for line in lines() if line["logger"] == "requests"]
    assert line["ms"] > 0
    assert line["timestamp"].endswith("Z")
    del line["ms"], line["timestamp"]
    assert line == {
        "event": "request",
        "level": "info",
        "logger": "requests",
        "method": "GET",
        "route": "/v1/shelves/{shelf}",
        "status": 200,
        "bytes": 1,
        "client": "testclient",
        "request_id": answer.headers["x-request-id"],
        "trace_id": TRACE,
    }


def test_all_lines_of_a_request_have_its_id_also_from_threads_and_libraries(
    client: TestClient, lines: Lines
) -> None:
    lines()

    answer = client.get("/v1/shelves/7", headers={"x-request-id": "from-the-client"})

    assert answer.headers["x-request-id"] == "from-the-client"
    seen = {line["logger"]: line.get("request_id") for line in lines()}
    del seen["httpx2"]  # The client's own.
    assert seen == dict.fromkeys(["shop", "library", "requests"], "from-the-client")


def test_a_failure_is_logged_once_as_structure_and_answered_with_the_id(
    client: TestClient, lines: Lines
) -> None:
    lines()

    answer = client.get("/v1/shelves/7/fall")

    assert answer.status_code == 500
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert "division" not in answer.text
    failure, request = [line for line in lines() if line["logger"] != "httpx2"]
    assert failure["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert failure["request_id"] == request["request_id"] == answer.headers["x-request-id"]
    assert (request["status"], request["route"]) == (500, "/v1/shelves/{shelf}/fall")


def test_a_path_that_is_not_there_has_no_route(client: TestClient, lines: Lines) -> None:
    lines()

    client.get("/nowhere")

    assert [line["route"] for line in lines() if line["logger"] == "requests"] == [None]


@pytest.mark.parametrize("value", [b"", b"a b", b"x" * 129, b"\xc3\xa9", b'"', b"{}"])
def test_an_id_that_is_not_well_formed_is_replaced(value: bytes) -> None:
    (request_id,) = ids([(b"x-request-id", value)]).values()

    assert len(request_id) == 32


@pytest.mark.parametrize(
    "value", ["", TRACE, f"ff{TRACEPARENT[2:]}", TRACEPARENT.upper(), f"00-{'0' * 32}-b7ad-01"]
)
def test_a_trace_that_is_not_well_formed_is_left_out(value: str) -> None:
    assert "trace_id" not in ids([(b"traceparent", value.encode())])
