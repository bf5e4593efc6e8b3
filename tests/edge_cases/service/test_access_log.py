import asyncio

import pytest
from fastapi import BackgroundTasks, FastAPI
from fastapi.testclient import TestClient
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

    assert read_log()[0]["duration_ms"] < 300


def test_a_refused_websocket_has_a_line(client: TestClient, read_log: ReadLog) -> None:
    read_log()

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/nowhere?token=hunter2"):
        pass

    (line,) = read_log()
    assert (line["method"], line["route"], line["status"]) == ("WEBSOCKET", None, 403)
