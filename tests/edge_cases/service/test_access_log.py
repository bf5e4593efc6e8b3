import asyncio
import logging
from collections.abc import AsyncIterator

import httpx2
import pytest
import structlog
from fastapi import APIRouter, BackgroundTasks, FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from opentelemetry.trace import NonRecordingSpan, SpanContext, use_span
from starlette.websockets import WebSocketDisconnect
from tests.conftest import ReadLog


def test_the_duration_is_the_time_until_the_response_ends(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    @app.put("/work-on")
    async def work_on(tasks: BackgroundTasks) -> None:
        tasks.add_task(asyncio.sleep, 0.3)

    read_log()

    client.put("/work-on")

    assert 0 < read_log()[0]["duration_ms"] < 300


def test_a_request_does_not_inherit_the_fields_of_the_last(app: FastAPI, read_log: ReadLog) -> None:
    @app.get("/bind")
    async def bind() -> None:
        structlog.contextvars.bind_contextvars(user="ann")

    async def request_twice() -> None:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            await client.get("/bind")
            await client.get("/livez")

    read_log()
    asyncio.run(request_twice())

    assert [line.get("user") for line in read_log()] == ["ann", None]


def test_a_refused_websocket_is_logged(client: TestClient, read_log: ReadLog) -> None:
    read_log()

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/nowhere?token=hunter2"):
        pass

    (line,) = read_log()
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", None, 403)


def test_a_websocket_that_the_service_closes_was_accepted(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    @app.websocket("/closed")
    async def close(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    read_log()
    with client.websocket_connect("/closed"):
        pass

    assert read_log()[0]["status"] == 101


def test_a_response_that_has_begun_is_not_replaced(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    @app.get("/broken")
    async def stream() -> StreamingResponse:
        async def generate() -> AsyncIterator[str]:
            yield "begun"
            raise RuntimeError

        return StreamingResponse(generate())

    read_log()
    response = client.get("/broken")

    assert response.status_code == 200
    (line,) = read_log()  # The server logs the failure.
    assert (line["status"], line["client"]) == (200, "testclient")


def test_uvicorn_logs_no_path_of_a_websocket(client: TestClient, read_log: ReadLog) -> None:
    client.get("/livez")
    read_log()

    logging.getLogger("uvicorn.error").info('%s - "WebSocket %s" 403', "127.0.0.1", "/hunter2")

    assert read_log() == []


def test_the_logged_route_has_the_prefix_of_its_router(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    router = APIRouter()

    @router.get("/items/{number}")
    async def get_item(number: int) -> int:
        return number

    app.include_router(router, prefix="/v1")
    read_log()

    client.get("/v1/items/1")

    assert read_log()[0]["route"] == "/v1/items/{number}"


def test_the_logged_route_of_a_mounted_application_has_its_prefix(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    admin = FastAPI()

    @admin.get("/items/{number}")
    async def get_item(number: int) -> int:
        return number

    app.mount("/admin", admin)
    read_log()

    client.get("/admin/items/1")
    TestClient(app, root_path="/shop").get("/shop/admin/items/1")
    TestClient(app, root_path="/shop").get("/shop/livez")

    routes = [line["route"] for line in read_log()]
    assert routes == ["/admin/items/{number}", "/admin/items/{number}", "/livez"]


def test_a_trace_that_the_service_starts_is_in_the_log(
    client: TestClient, read_log: ReadLog
) -> None:
    read_log()

    context = SpanContext(0xABC, 0x1, is_remote=False)
    with use_span(NonRecordingSpan(context)):
        client.get("/livez")

    assert read_log()[0]["trace_id"] == f"{0xABC:032x}"


@pytest.mark.parametrize("request_id", ["", "two words", "x" * 129, 'a"b'])
def test_an_invalid_request_id_is_replaced(
    app: FastAPI, client: TestClient, request_id: str, read_log: ReadLog
) -> None:
    app.mount("/mounted", FastAPI())  # It has a state of its own.
    read_log()

    response = client.get("/mounted/docs", headers={"x-request-id": request_id})

    assert len(response.headers["x-request-id"]) == 32
    assert read_log()[0]["request_id"] == response.headers["x-request-id"]
