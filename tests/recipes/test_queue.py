"""The recipe for a queue, with Redis as Debian has it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.conftest import require
from tests.helpers.containers import free_port
from tests.helpers.recipes import Cook, each_web_api


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[int]:
    """Run a server that containers can reach; return its port."""
    require("redis-server")
    port = str(free_port())
    options = ["--port", port, "--bind", "0.0.0.0", "--requirepass", "PASSWORD"]  # noqa: S104 - containers need it
    with subprocess.Popen(["redis-server", *options, "--dir", tmp_path]) as server:
        yield int(port)
        server.terminate()


@each_web_api
def test_queue(cook: Cook, redis: int) -> None:
    cook.override("""
        services:
          api: &here
            extra_hosts: ["redis.example.com:host-gateway"]
          worker: *here
    """)
    # The page has the usual port, which may be taken.
    cook.replaced["redis.example.com:6379"] = f"redis.example.com:{redis}"
    cook.follow("queue")
    wait_for_receipt(cook, "A-1001")
    # What has been accepted waits for a worker.
    cook.paste("docker compose stop worker")
    assert cook.ask("POST", "/receipts", {"order_id": "A-1002"})[0] == 202
    assert "A-1002" not in receipts(cook)
    cook.paste("docker compose stop api && docker compose up --detach --wait")
    wait_for_receipt(cook, "A-1002")
    assert cook.ask("GET", "/readyz")[0] == 200


def receipts(cook: Cook) -> list[str]:
    """Return the orders whose receipts the worker has sent, according to its log."""
    log = cook.paste("docker compose logs --no-log-prefix worker")
    lines = [json.loads(line) for line in log.splitlines()]
    return [line["order_id"] for line in lines if line["event"] == "receipt sent"]


def wait_for_receipt(cook: Cook, order_id: str) -> None:
    deadline = monotonic() + 30
    while order_id not in (sent := receipts(cook)):
        assert monotonic() < deadline, sent
        sleep(0.5)
    assert sent.count(order_id) == 1
