from fastapi import FastAPI
from fastapi.testclient import TestClient


def test_the_started_service_is_alive_and_ready(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ok"}


def test_the_service_is_alive_but_not_ready_before_it_has_started(app: FastAPI) -> None:
    client = TestClient(app)

    assert client.get("/livez").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "service: It is starting."


def test_a_part_that_cannot_serve_gives_its_reason(app: FastAPI, client: TestClient) -> None:
    app.state.readiness.block("database", "No connection.")
    assert client.get("/readyz").json()["detail"] == "database: No connection."

    app.state.readiness.clear("database")
    assert client.get("/readyz").status_code == 200


def test_the_service_is_not_ready_after_it_has_stopped(app: FastAPI) -> None:
    with TestClient(app):
        pass

    assert "service: It is stopping." in TestClient(app).get("/readyz").json()["detail"]
