import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.conftest import first_router

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.limits import time_limit
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.fixture
def app() -> FastAPI:
    app = create_app(Settings(request_timeout_seconds=0.2, max_concurrent_requests=2))
    router = first_router(app)

    @router.get("/slow")
    async def slow() -> None:
        await asyncio.sleep(0.4)

    @router.get("/slow-and-allowed")
    @time_limit(5)
    async def slow_and_allowed() -> None:
        await asyncio.sleep(0.4)

    return app


def test_a_response_must_begin_in_time(client: TestClient) -> None:
    assert client.get("/slow").status_code == 504
    assert client.get("/slow-and-allowed").status_code == 200


def test_too_many_requests_are_refused_at_once(app: FastAPI, client: TestClient) -> None:
    begun, go_on = threading.Barrier(3), threading.Event()

    @first_router(app).get("/wait")
    @time_limit(10)
    def wait() -> bool:
        begun.wait(10)
        return go_on.wait(10)

    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(client.get, "/wait") for _ in range(2)]
        begun.wait(10)
        refused = client.get("/slow-and-allowed")
        health = client.get("/livez")
        go_on.set()

    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert health.status_code == 200
    assert [response.result().status_code for response in waiting] == [200, 200]
