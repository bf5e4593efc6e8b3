import asyncio
from collections.abc import Iterator

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from starlette.types import Message, Scope

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.api.problems import MEDIA_TYPE
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def app() -> FastAPI:
    app = create_app(Settings(max_body_bytes=10))

    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    return app


def chunks(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield b"x"


def test_a_body_up_to_the_limit_is_served(client: TestClient) -> None:
    assert client.post("/size", content=b"x" * 10).json() == 10
    assert client.post("/size", content=chunks(10)).json() == 10


@pytest.mark.parametrize("content", [b"x" * 11, chunks(11)], ids=["declared", "chunked"])
def test_a_larger_body_is_refused(client: TestClient, content: bytes | Iterator[bytes]) -> None:
    answer = client.post("/size", content=content)

    assert answer.status_code == 413
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["detail"] == "The body has more than 10 bytes."


@pytest.mark.parametrize(
    ("headers", "expected"),
    [([(b"content-length", b"1000")], 0), ([], 3)],
    ids=["declared", "chunked"],
)
def test_the_rest_of_a_large_body_is_not_read(
    app: FastAPI, headers: list[tuple[bytes, bytes]], expected: int
) -> None:
    reads, sent = 0, list[Message]()

    async def receive() -> Message:
        nonlocal reads
        reads += 1
        return {"type": "http.request", "body": b"12345", "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "method": "POST",
        "path": "/size",
        "headers": headers,
        "query_string": b"",
    }

    asyncio.run(app(scope, receive, send))

    assert sent[0]["status"] == 413
    assert reads == expected
