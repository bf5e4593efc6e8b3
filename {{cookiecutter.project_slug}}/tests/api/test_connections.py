import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, StreamingResponse

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
            await writer.drain()
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


def test_an_answer_without_a_body_arrives(app: FastAPI) -> None:
    @app.head("/nothing")
    async def nothing() -> None:
        pass

    close = b" HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n"
    found = asyncio.run(
        answer(app, b"HEAD /nothing HTTP/1.1\r\nhost: test\r\n\r\nHEAD /nothing" + close)
    )

    assert found.count(b"HTTP/1.1 200 OK\r\n") == 2


def test_the_first_part_of_an_answer_does_not_wait_for_the_next(app: FastAPI) -> None:
    more = asyncio.Event()

    @app.get("/parts")
    async def parts() -> StreamingResponse:
        async def each() -> AsyncIterator[bytes]:
            yield b"first"
            await more.wait()
            yield b"HTTP/1.1"

        return StreamingResponse(each())

    async def read() -> bytes:
        async with serving(app) as (_, connect):
            reader, writer = await connect()
            writer.write(REQUEST.replace(b"/livez", b"/parts"))
            found = await asyncio.wait_for(reader.readuntil(b"first"), 5)
            more.set()
            found += await asyncio.wait_for(reader.readuntil(b"0\r\n\r\n"), 5)
            writer.close()
            return found

    assert (
        asyncio.run(read()).partition(b"\r\n\r\n")[2] == b"5\r\nfirst\r\n8\r\nHTTP/1.1\r\n0\r\n\r\n"
    )


def test_a_client_that_asks_before_it_sends_a_body_is_told_to_go_on(app: FastAPI) -> None:
    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    start = REQUEST[:-2].replace(b"GET /livez", b"POST /size")
    start += b"connection: close\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
    found = asyncio.run(answer(app, start, b"body", pause=0.05))

    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert found.endswith(b"\r\n\r\n4")


LARGE = (
    b"POST /quotes HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: 50000000\r\n\r\n"
)


def test_a_client_that_sends_all_before_it_reads_sees_why_it_is_refused(app: FastAPI) -> None:
    found = asyncio.run(answer(app, LARGE, *[bytes(1_000_000)] * 50))

    assert found.startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("impatient")
def test_a_client_that_is_refused_and_sends_no_more_is_given_up(app: FastAPI) -> None:
    assert asyncio.run(answer(app, LARGE, b"begun")).startswith(b"HTTP/1.1 413 ")


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
