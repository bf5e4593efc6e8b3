from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.conftest import ReadLog

from {{ cookiecutter.package_name }}.health import NotReadyError


def test_readiness_follows_its_checks(app: FastAPI, client: TestClient, read_log: ReadLog) -> None:
    failures: list[Exception] = [NotReadyError("it is loading"), OSError("hunter2")]

    async def check() -> None:
        if failures:
            raise failures[0]

    app.state.readiness_checks["model"] = check

    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["detail"] == "Not ready: model: it is loading"
    failures.pop(0)
    read_log()
    response = client.get("/readyz")
    assert response.json()["detail"] == "Not ready: model."
    assert read_log()[0]["check"] == "model"
    failures.pop(0)
    for path in "/readyz", "/livez":
        assert client.get(path).json() == {"status": "ok"}
