import asyncio

from fastapi.testclient import TestClient
from tests.conftest import ReadLog
from tests.test_customers import client, database  # noqa: F401 - fixtures

from my_application.worker import work


def test_a_worker_does_each_task_once(client: TestClient, read_log: ReadLog) -> None:  # noqa: F811 - the fixture
    for name in ("ann", "bob"):
        client.post("/customers", json={"email": f"{name}@example.com"})
    for customer_id in (1, 2, 1):
        assert client.post(f"/customers/{customer_id}/welcome").status_code == 202
    assert client.post("/customers/3/welcome").status_code == 404
    read_log()
    asyncio.run(work(wait=False))

    sent = [line["customer_id"] for line in read_log() if line["event"] == "welcome sent"]
    assert sorted(sent) == [1, 2]
