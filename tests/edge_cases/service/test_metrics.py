import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from my_application import __version__


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


def test_the_version_is_exposed(client: TestClient) -> None:
    line = 'application_build_info{version="' + __version__ + '"} 1.0'

    assert line in client.get("/metrics").text.splitlines()


def test_unknown_methods_and_paths_share_one_time_series(app: FastAPI, client: TestClient) -> None:
    @app.get("/measured/{name}")
    async def measure(name: str) -> str:
        return name

    before = len(client.get("/metrics").text.splitlines())
    client.request("INVENTED", "/measured/x")
    once = len(client.get("/metrics").text.splitlines())
    for number in range(10):
        client.request(f"INVENTED{number}", f"/measured/{number}")

    assert before < once
    assert len(client.get("/metrics").text.splitlines()) == once
