import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def app() -> FastAPI:
    app = create_app(Settings(request_seconds=0.1))
    never = threading.Event()

    @app.get("/coroutine")
    async def coroutine() -> None:
        await asyncio.Event().wait()

    @app.get("/thread")
    def thread() -> None:
        never.wait(2)

    @app.get("/quick")
    async def quick() -> int:
        return 1

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(parts())

    return app


@pytest.mark.parametrize("path", ["/coroutine", "/thread"])
def test_a_request_that_takes_too_long_is_answered_504(client: TestClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 504
    assert answer.json()["detail"] == "The request took longer than 0.1 s."
    assert client.get("/quick").status_code == 200


def test_an_answer_that_takes_too_long_is_cut_off(client: TestClient) -> None:
    with client.stream("GET", "/stream") as answer:
        assert answer.status_code == 200
        assert answer.read() == b"first"
