import asyncio

import pytest
from fastapi.testclient import TestClient
from pytest_redis.executor import RedisExecutor
from tests.conftest import ReadLog

from my_application.app import create_app
from my_application.settings import PREFIX, Settings
from my_application.worker import work


@pytest.fixture(autouse=True)
def redis(redis_proc: RedisExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a server that pytest-redis starts."""
    monkeypatch.setenv(f"{PREFIX}REDIS_URL", f"redis://{redis_proc.host}:{redis_proc.port}")


def test_a_worker_does_each_task_once(read_log: ReadLog) -> None:
    with TestClient(create_app(Settings())) as client:
        assert client.get("/readyz").status_code == 200
        for order_id in ("A-1", "A-2", "A-1"):
            assert client.post("/receipts", json={"order_id": order_id}).status_code == 202
    read_log()
    asyncio.run(work(burst=True))

    sent = [line["order_id"] for line in read_log() if line["event"] == "receipt sent"]
    assert sorted(sent) == ["A-1", "A-2"]
