import json
import threading
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from fastapi.testclient import TestClient

from {{ cookiecutter.package_name }}.api.app import create_app
from {{ cookiecutter.package_name }}.api.problems import MEDIA_TYPE
from {{ cookiecutter.package_name }}.model import schema
from {{ cookiecutter.package_name }}.model.predictor import PACKAGED, Predictor
from {{ cookiecutter.package_name }}.model.schema import EXAMPLE
from {{ cookiecutter.package_name }}.settings import Settings

JSON = {"content-type": "application/json"}
WITHOUT_HUE = {name: value for name, value in EXAMPLE.items() if name != "hue"}


def wait_for(client: TestClient, text: str) -> dict[str, Any]:
    """The answer of /readyz, once it holds this text."""
    deadline = monotonic() + 10
    while text not in (answer := client.get("/readyz")).text:
        assert monotonic() < deadline, answer.text
        sleep(0.01)
    body: dict[str, Any] = answer.json()
    return body


def test_one_instance_is_predicted(client: TestClient) -> None:
    answer = client.post("/predictions", json={"instances": [EXAMPLE]})

    assert answer.status_code == 200
    assert list(answer.json()) == ["model", "predictions"]
    [prediction] = answer.json()["predictions"]
    assert prediction["label"] == "barolo"
    assert sum(prediction["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_many_instances_are_predicted_in_their_order(client: TestClient) -> None:
    other = EXAMPLE | {"alcohol": 12, "color_intensity": 2, "proline": 400}

    answer = client.post("/predictions", json={"instances": [EXAMPLE, other, EXAMPLE]})

    labels = [prediction["label"] for prediction in answer.json()["predictions"]]
    assert labels == ["barolo", "grignolino", "barolo"]


def test_the_model_is_described(client: TestClient) -> None:
    card = client.get("/model").json()

    assert [it["name"] for it in card["inputs"]] == list(schema.NAMES)
    assert card["outputs"] == {"labels": list(schema.LABELS)}
    assert card["sha256"].startswith(card["version"])
    assert card["metrics"]["accuracy"] > 0.9
    answer = client.post("/predictions", json={"instances": [EXAMPLE]}).json()
    assert answer["model"] == {"name": card["name"], "version": card["version"]}


def test_the_example_of_the_documentation_works(client: TestClient) -> None:
    operation = client.get("/openapi.json").json()["paths"]["/predictions"]["post"]
    body = operation["requestBody"]["content"]["application/json"]

    assert client.post("/predictions", json=body["example"]).status_code == 200
    assert body["schema"]["properties"]["instances"]["maxItems"] == Settings().max_instances


def test_the_documentation_names_every_label(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]

    assert schemas["Label"]["enum"] == list(schema.LABELS)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([EXAMPLE], ""),
        ({}, "/instances"),
        ({"instances": EXAMPLE}, "/instances"),
        ({"instances": []}, "/instances"),
        ({"instances": [EXAMPLE] * 10_001}, "/instances"),
        ({"instances": [EXAMPLE], "explain": True}, "/explain"),
        ({"instances": [EXAMPLE, 1]}, "/instances/1"),
        ({"instances": [EXAMPLE, WITHOUT_HUE]}, "/instances/1/hue"),
        ({"instances": [EXAMPLE | {"a/b~c": 1}]}, "/instances/0/a~1b~0c"),
        ({"instances": [EXAMPLE | {"hue": "1"}]}, "/instances/0/hue"),
        ({"instances": [EXAMPLE | {"hue": 6}]}, "/instances/0/hue"),
        ({"instances": [EXAMPLE | {"hue": float("nan")}]}, "/instances/0/hue"),
        ({"instances": [EXAMPLE | {"hue": float("-inf")}]}, "/instances/0/hue"),
        ({"instances": [EXAMPLE | {"hue": 10**400}]}, "/instances/0/hue"),
    ],
)
def test_a_wrong_body_is_refused_with_its_place(client: TestClient, body: Any, place: str) -> None:
    answer = client.post("/predictions", content=json.dumps(body), headers=JSON)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert [error["place"] for error in answer.json()["errors"]] == [place]


@pytest.mark.parametrize(
    "content",
    [b"", b'{"instances": [', b"\xff", b"[1,]", b"[" * 100_000, b"1" * 10_000 + b"x"],
)
def test_a_body_that_is_not_json_is_refused(client: TestClient, content: bytes) -> None:
    answer = client.post("/predictions", content=content, headers=JSON)

    assert answer.status_code == 400
    assert "line 1 column" in answer.json()["errors"][0]["detail"]


@pytest.mark.parametrize("media_type", [None, "text/csv", "application/json-lines"])
def test_another_content_type_is_refused(client: TestClient, media_type: str | None) -> None:
    headers = {"content-type": media_type} if media_type else {}

    answer = client.post("/predictions", content=b"{}", headers=headers)

    assert answer.status_code == 415
    assert "must be application/json" in answer.json()["detail"]


def test_a_content_type_may_have_parameters(client: TestClient) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    content = json.dumps({"instances": [EXAMPLE]})

    assert client.post("/predictions", content=content, headers=headers).status_code == 200


def test_the_service_answers_but_is_not_ready_while_the_model_loads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loading, load = threading.Event(), Predictor.load

    def slow(*arguments: Any, **options: Any) -> Predictor:
        loading.wait(10)
        return load(*arguments, **options)

    monkeypatch.setattr(Predictor, "load", slow)
    with TestClient(create_app(Settings())) as client:
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").json()["detail"] == "model: It is loading."
        assert client.post("/predictions", json={}).status_code == 503
        loading.set()
        wait_for(client, "ok")


def test_a_model_that_cannot_be_loaded_leaves_the_service_alive_but_not_ready() -> None:
    broken = Path("broken.onnx")
    broken.write_bytes(PACKAGED.read_bytes()[:100])

    with TestClient(create_app(Settings(model_path=broken))) as client:
        reason = wait_for(client, "broken.onnx is no ONNX model")["detail"]

        assert client.get("/readyz").status_code == 503
        assert client.get("/livez").status_code == 200
        for answer in client.get("/model"), client.post("/predictions", json={}):
            assert (answer.status_code, answer.json()["detail"]) == (503, reason)


def test_whatever_else_fails_while_the_model_loads_is_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: Any, **_options: Any) -> Predictor:
        raise RuntimeError("out of luck")

    monkeypatch.setattr(Predictor, "load", fail)
    with TestClient(create_app(Settings())) as client:
        wait_for(client, "out of luck")
        assert client.get("/livez").status_code == 200


def test_another_model_is_served_from_its_path() -> None:
    Path("own.onnx").write_bytes(PACKAGED.read_bytes())

    with TestClient(create_app(Settings(model_path=Path("own.onnx")))) as client:
        wait_for(client, "ok")
        assert client.post("/predictions", json={"instances": [EXAMPLE]}).status_code == 200
