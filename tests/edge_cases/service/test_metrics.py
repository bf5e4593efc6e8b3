import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient


@pytest.mark.parametrize(("method", "label"), [("QUERY", "QUERY"), ("BREW", "other")])
def test_only_methods_of_http_are_labels(
    app: FastAPI, client: TestClient, method: str, label: str
) -> None:
    @app.api_route("/measured", methods=[method])
    async def measure() -> None: ...

    client.request(method, "/measured")

    assert f'{{method="{label}",route="/measured",status="2xx"}}' in client.get("/metrics").text


def test_unknown_paths_share_a_label(client: TestClient) -> None:
    client.get("/hunter2")

    metrics = client.get("/metrics")

    assert '{method="GET",route="none",status="4xx"}' in metrics.text
    assert "hunter2" not in metrics.text
    assert metrics.headers["content-type"].startswith("text/plain; version=")
