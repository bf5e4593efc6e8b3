import asyncio
import contextlib
import functools
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import httpx2
import pytest
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    HTTPException,
    Request,
    Response,
    WebSocket,
)
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from pydantic_settings import SettingsError
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.conftest import ReadLog

from my_application import limits
from my_application.app import create_app
from my_application.limits import Limits, time_limit
from my_application.settings import Settings


@pytest.fixture
def app() -> FastAPI:
    return create_app(Settings(request_timeout_seconds=0.2))


def test_other_decorators_may_wrap_the_limited_endpoint(app: FastAPI, client: TestClient) -> None:
    def decorate(endpoint: Callable[[], Awaitable[str]]) -> Callable[[], Awaitable[str]]:
        @functools.wraps(endpoint)
        async def wrapper() -> str:
            return await endpoint()

        return wrapper

    @app.get("/decorated")
    @decorate
    @time_limit(5)
    async def decorated() -> str:
        await asyncio.sleep(0.4)
        return "done"

    assert client.get("/decorated").json() == "done"


def test_a_timeout_of_the_route_is_a_failure(app: FastAPI, client: TestClient) -> None:
    @app.get("/fail")
    async def fail() -> None:
        raise TimeoutError

    assert client.get("/fail").status_code == 500


def test_a_cancelled_task_of_the_route_is_a_failure(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    @app.get("/cancelled")
    async def cancelled() -> None:
        task = asyncio.create_task(asyncio.sleep(5))
        task.cancel()
        await task

    read_log()
    response = client.get("/cancelled")

    assert response.status_code == 500
    assert response.headers["x-request-id"]
    failure, line = read_log()
    assert "CancelledError" in failure["exception"]
    assert line["status"] == 500


def test_a_route_that_suppresses_its_cancellation_times_out_like_others(
    app: FastAPI, client: TestClient
) -> None:
    @app.get("/suppress")
    async def suppress() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(1)
        return "late"

    @app.get("/translate")
    async def translate() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise HTTPException(503) from None

    assert client.get("/suppress").status_code == 504
    assert client.get("/translate").status_code == 504


def test_streams_and_background_tasks_may_take_longer(app: FastAPI, client: TestClient) -> None:
    done = threading.Event()

    @app.get("/stream")
    async def stream(tasks: BackgroundTasks) -> StreamingResponse:
        async def finish() -> None:
            await asyncio.sleep(0.3)
            done.set()

        async def generate() -> AsyncIterator[str]:
            for _ in range(4):
                yield "x"
                await asyncio.sleep(0.1)

        tasks.add_task(finish)
        return StreamingResponse(generate(), background=tasks)

    assert client.get("/stream").text == "xxxx"
    assert done.is_set()


def test_a_stream_does_not_count_as_a_concurrent_request() -> None:
    app = create_app(Settings(max_concurrent_requests=1))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def generate() -> AsyncIterator[str]:
            transport = httpx2.ASGITransport(app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                yield str((await client.get("/nowhere")).status_code)

        return StreamingResponse(generate())

    assert TestClient(app).get("/stream").text == "404"


def test_a_websocket_has_no_time_limit(app: FastAPI, client: TestClient) -> None:
    @app.websocket("/wait")
    async def wait(websocket: WebSocket) -> None:
        await websocket.accept()
        await asyncio.sleep(0.4)
        await websocket.send_text("done")
        await websocket.close()

    with client.websocket_connect("/wait") as connection:
        assert connection.receive_text() == "done"


def test_the_dependencies_of_a_stream_have_a_time_limit(app: FastAPI, client: TestClient) -> None:
    async def wait() -> None:
        await asyncio.sleep(0.4)

    @app.get("/events", dependencies=[Depends(wait)])
    async def stream() -> AsyncIterator[int]:
        yield 1

    assert client.get("/events").status_code == 504


def test_a_body_that_is_too_large_is_refused() -> None:
    app = create_app(Settings(max_body_bytes=10, cors_origins=["https://shop.example"]))
    client = TestClient(app)

    @app.post("/large", max_body_size=20)
    async def large(request: Request) -> int:
        return len(await request.body())

    @app.post("/small")
    async def small(request: Request) -> int:
        return len(await request.body())

    for path, size in (("/small", 10), ("/large", 20)):
        assert client.post(path, content=b"x" * size).json() == size
        for body in (b"x" * (size + 1), iter([b"x"] * (size + 1))):
            refused = client.post(path, content=body, headers={"origin": "https://shop.example"})
            assert refused.status_code == 413
            assert refused.headers.keys() >= {"x-request-id", "access-control-allow-origin"}


def test_a_mounted_application_has_no_time_limit(
    app: FastAPI, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    @dataclass
    class Mounted:  # Not hashable, as dataclasses are not.
        status: int

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.4)
            await Response(status_code=self.status)(scope, receive, send)

    app.mount("/slow", Mounted(204))

    assert client.get("/slow").status_code == 204
    assert not caplog.records  # Of the event loop.


def test_a_mounted_application_may_send_no_headers(app: FastAPI, client: TestClient) -> None:
    async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    app.mount("/bare", respond)

    assert client.get("/bare").status_code == 204


def serve_until_cancelled(respond: ASGIApp) -> tuple[list[Message], bool]:
    """Return what is sent before the server cancels a request, and if its task ends cancelled."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    async def serve() -> bool:
        app = Limits(respond, seconds=1, concurrent=1)
        task = asyncio.create_task(app({"type": "http", "path": "/"}, receive, send))
        await asyncio.sleep(0.1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    is_cancelled = asyncio.run(serve())
    return sent, is_cancelled


@pytest.mark.parametrize("is_stream", [True, False])
def test_only_streams_end_cleanly_if_the_server_cancels_them(is_stream: bool) -> None:  # noqa: FBT001 - a parameter
    headers = [] if is_stream else [(b"content-length", b"99")]

    async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        await asyncio.sleep(10)

    sent, is_cancelled = serve_until_cancelled(respond)

    assert is_cancelled != is_stream
    assert (sent[-1] == {"type": "http.response.body"}) == is_stream


def test_the_log_does_not_say_that_a_complete_response_ended_early(read_log: ReadLog) -> None:
    async def respond(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 202})
        await send({"type": "http.response.body"})
        await asyncio.sleep(10)  # A background task.

    read_log()
    serve_until_cancelled(respond)

    (line,) = read_log()
    assert line["event"] == "request ended early because the service is stopping"


def test_a_stream_that_begins_just_as_its_time_is_up_is_complete(
    app: FastAPI, client: TestClient
) -> None:
    async def stream() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.01)
        yield b"complete"

    @app.get("/blocking")
    async def block() -> StreamingResponse:
        time.sleep(0.3)  # noqa: ASYNC251 - so that the timer is late
        await asyncio.sleep(0)  # The timer fires, and its effect is due next.
        return StreamingResponse(stream())

    response = client.get("/blocking")

    assert (response.status_code, response.text) == (200, "complete")


def test_a_time_limit_beyond_the_grace_period_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_time_limits", {})
    settings = Settings()

    @time_limit(settings.shutdown_grace_seconds)
    def make_report() -> None: ...

    with pytest.raises(SettingsError, match=r"must exceed .*make_report, which is \d"):
        create_app(settings)
