import asyncio
import socket

import pytest
import uvicorn
from fastapi import FastAPI

pytest.importorskip("httptools", reason="httptools is not for Windows")

REQUEST = b"GET /livez HTTP/1.1\r\nhost: test\r\n\r\n"


async def answers(app: FastAPI, *cuts: int) -> list[bytes]:
    """Send so many bytes of a request, on a connection each; stop; send the rest."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        protocol = "{{ cookiecutter.package_name }}.api.connections:Connection"
        config = uvicorn.Config(app, http=protocol, log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - Uvicorn has no event for it
            await asyncio.sleep(0.01)
        port = listener.getsockname()[1]
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in cuts]
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
        await serving
        return found


def test_requests_that_have_begun_or_are_on_their_way_are_answered(app: FastAPI) -> None:
    for answer in asyncio.run(answers(app, 5, 25, 0)):
        assert answer.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in answer


def test_a_connection_that_has_its_answer_is_closed(app: FastAPI) -> None:
    (answer,) = asyncio.run(answers(app, len(REQUEST)))

    assert answer.count(b"HTTP/1.1 200 OK") == 1
