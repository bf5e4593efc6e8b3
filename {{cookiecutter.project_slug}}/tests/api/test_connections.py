import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

pytest.importorskip("httptools", reason="httptools is not for Windows")

from {{ cookiecutter.package_name }}.api.connections import Connection

REQUEST = b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n"

type Opener = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[tuple[uvicorn.Server, Opener]]:
    """A server of its own, and what opens a connection to it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, http=Connection, log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - Uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = listener.getsockname()[1]
        yield server, lambda: asyncio.open_connection("127.0.0.1", port)
        server.should_exit = True
        await task


async def answers(app: FastAPI, *cuts: int) -> list[bytes]:
    """Send so many bytes of a request, on a connection each; stop; send the rest."""
    async with serving(app) as (server, connect):
        connections = [await connect() for _ in cuts]
        for (_, writer), cut in zip(connections, cuts, strict=True):
            writer.write(REQUEST[:cut])
        await asyncio.sleep(0.1)
        server.should_exit = True
        await asyncio.sleep(0.2)
        for (_, writer), cut in zip(connections, cuts, strict=True):
            writer.write(REQUEST[cut:])
        found = [await reader.read() for reader, _ in connections]
        for _, writer in connections:
            writer.close()
        return found


async def answer(app: FastAPI, *parts: bytes, pause: float = 0) -> bytes:
    """Send the parts with a pause after each, and read until the connection is closed."""
    async with serving(app) as (_, connect):
        reader, writer = await connect()
        for part in parts:
            writer.write(part)
            await asyncio.sleep(pause)
        found = await asyncio.wait_for(reader.read(), 10)
        writer.close()
        return found


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "header_seconds", 0.1)


def test_requests_that_have_begun_or_are_on_their_way_are_answered(app: FastAPI) -> None:
    for answer in asyncio.run(answers(app, 5, 25, 0)):
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer


def test_a_connection_that_has_its_answer_is_closed(app: FastAPI) -> None:
    (answer,) = asyncio.run(answers(app, len(REQUEST)))

    assert answer.count(b"HTTP/1.1 200 OK") == 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("before", [b"", REQUEST], ids=["first request", "later request"])
def test_headers_that_never_end_are_answered_408(app: FastAPI, before: bytes) -> None:
    start = before + b"GET /livez HTTP/1.1\r\n"

    found = asyncio.run(answer(app, start, b"host: test\r\n", pause=0.05))

    assert b"HTTP/1.1 408 Request Timeout\r\n" in found
    assert json.loads(found.rpartition(b"\r\n\r\n")[2])["status"] == 408


@pytest.mark.usefixtures("impatient")
def test_a_connection_that_says_nothing_is_closed(app: FastAPI) -> None:
    assert asyncio.run(answer(app)) == b""


def test_headers_without_measure_are_answered_431(app: FastAPI) -> None:
    found = asyncio.run(answer(app, REQUEST[:-2], *[b"a: " + b"b" * 20_000] * 2, pause=0.05))

    assert found.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"application/problem+json" in found


def test_what_is_not_http_is_answered_with_a_problem_document(app: FastAPI) -> None:
    found = asyncio.run(answer(app, b"hello\r\n\r\n"))

    assert found.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(found.partition(b"\r\n\r\n")[2])["status"] == 400


def test_pipelined_requests_are_answered_in_their_order(app: FastAPI) -> None:
    last = REQUEST.replace(b"/livez", b"/nowhere").replace(b"host", b"connection: close\r\nhost")

    found = asyncio.run(answer(app, REQUEST * 2 + last))

    assert [part[:3] for part in found.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"404"]


@pytest.mark.usefixtures("impatient")
def test_a_client_that_never_reads_is_given_up(app: FastAPI) -> None:
    @app.get("/large")
    async def large() -> PlainTextResponse:
        return PlainTextResponse("x" * 50_000_000)

    async def unread() -> float:
        async with serving(app) as (server, connect):
            _, writer = await connect()
            writer.write(REQUEST.replace(b"/livez", b"/large"))
            start = monotonic()
            await asyncio.sleep(0.1)
            while server.server_state.connections:  # noqa: ASYNC110 - Uvicorn has no event for it
                await asyncio.sleep(0.02)
            writer.close()
            return monotonic() - start

    assert asyncio.run(asyncio.wait_for(unread(), 10)) < 5
