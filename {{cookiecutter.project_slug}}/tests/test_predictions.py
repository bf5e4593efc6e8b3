import json
from collections.abc import Iterator
from pathlib import Path
from threading import Event, current_thread
from typing import Any

import numpy as np
import pytest
import structlog
from fastapi import FastAPI
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from tests.conftest import ReadLog
from tests.tiny import PRICE, THREE, TWO, create_predictor, write_model

from {{ cookiecutter.package_name }} import errors, health
from {{ cookiecutter.package_name }}.access_log import AccessLog
from {{ cookiecutter.package_name }}.metrics import add_metrics
from {{ cookiecutter.package_name }}.model.features import Schema
from {{ cookiecutter.package_name }}.routes import predictions
from {{ cookiecutter.package_name }}.settings import Settings

JSON = {"content-type": "application/json"}
ONE = {"Size (cm)": 99}


def create_client(schema: Schema, model: Path, max_instances: int = 3) -> TestClient:
    app = FastAPI(
        lifespan=lambda app: predictions.model_lifespan(app, schema),
        exception_handlers=errors.HANDLERS,
    )
    app.state.settings = Settings(model_path=str(model))
    app.state.readiness_checks, app.state.request_observers = {}, []
    app.include_router(predictions.create_router(schema, max_instances))
    app.include_router(health.router)
    add_metrics(app)
    app.add_middleware(AccessLog)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model") / "model.onnx"


@pytest.fixture
def client(path: Path) -> Iterator[TestClient]:
    with create_client(THREE, write_model(THREE, path)) as client:
        yield client


def post(client: TestClient, *instances: Any) -> Any:
    return client.post("/predictions", json={"instances": instances})


def test_a_classifier_returns_labels_and_probabilities(client: TestClient) -> None:
    response = post(client, ONE, {"size": 1, "color": "red", "sold": "2026-01-02"})

    assert response.status_code == 200
    assert [each["label"] for each in response.json()["predictions"]] == ["large", "small"]
    for each in response.json()["predictions"]:
        assert list(each["probabilities"]) == ["small", "medium", "large"]
        assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_a_regression_returns_values(path: Path) -> None:
    with create_client(PRICE, write_model(PRICE, path)) as client:
        assert post(client, ONE).json()["predictions"] == [{"value": pytest.approx(198, abs=20)}]
        assert "model_predicted_value_count 1.0" in client.get("/metrics").text


def test_the_model_is_in_the_response_and_in_the_log(client: TestClient, read_log: ReadLog) -> None:
    read_log()

    model = post(client, ONE).json()["model"]

    assert read_log()[-1]["model_version"] == model["version"]
    description = client.get("/model").json()
    assert model.items() <= description.items()
    assert description["metrics"]["accuracy"] > 0.9
    assert set(description["target"]["properties"]) == {"class"}


def test_the_schema_is_in_the_api_documentation(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]

    assert schemas["Features"]["properties"]["Size (cm)"]["maximum"] == 100
    assert schemas["Prediction"]["properties"]["label"]["enum"] == ["small", "medium", "large"]
    example = schemas["PredictionRequest"]["properties"]["instances"]["examples"][0]
    assert post(client, *example).status_code == 200


@pytest.mark.parametrize(
    ("instance", "location"),
    [
        ({}, "/Size (cm)"),
        (ONE | {"color": "blue"}, "/color"),
        (ONE | {"shap": "a"}, "/shap"),
        (ONE | {"is_new": None}, "/is_new"),
        (ONE | {"count": "3"}, "/count"),
        ({"Size (cm)": 101}, "/Size (cm)"),
        ({"Size (cm)": float("inf")}, "/Size (cm)"),
        ({"Size (cm)": float("nan")}, "/Size (cm)"),
        ("large", ""),
    ],
)
def test_a_wrong_instance_is_refused(client: TestClient, instance: Any, location: str) -> None:
    content = json.dumps({"instances": [ONE, instance]})  # Which may have NaN, unlike JSON.

    response = client.post("/predictions", content=content, headers=JSON)

    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == f"/instances/1{location}"


@pytest.mark.parametrize(
    "content",
    [
        b'{"instances": []}',
        b'{"instances": [%s]}' % b",".join([b'{"size": 1}'] * 4),
        b"{",
        b"",
        b"[]",
    ],
)
def test_a_wrong_body_is_refused(client: TestClient, content: bytes) -> None:
    response = client.post("/predictions", content=content, headers=JSON)

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_another_content_type_is_refused(client: TestClient) -> None:
    response = client.post("/predictions", content=b"x", headers={"content-type": "text/csv"})

    assert response.status_code == 422


def test_predictions_are_counted(client: TestClient) -> None:
    post(client, ONE | {"color": "red"}, {"size": 1})
    post(client, {"Size (cm)": 101, "color": "blue", "shap": 1})

    lines = client.get("/metrics").text.splitlines()

    assert 'model_predictions_total{label="small"} 1.0' in lines
    assert 'model_predictions_total{label="medium"} 0.0' in lines
    assert 'model_missing_values_total{feature="color"} 1.0' in lines
    assert 'model_refused_values_total{feature="size"} 1.0' in lines
    assert 'model_refused_values_total{feature="color"} 1.0' in lines
    assert 'model_refused_values_total{feature="other"} 1.0' in lines
    assert "model_top_probability_count 2.0" in lines
    assert any(line.startswith('model_info{name="') for line in lines)


def test_without_a_model_the_service_lives_and_says_why(path: Path) -> None:
    with create_client(TWO, write_model(THREE, path)) as client:
        assert client.get("/livez").status_code == 200
        for response in (client.get("/readyz"), post(client, ONE), client.get("/model")):
            assert response.status_code == 503
            assert "model.onnx does not fit the schema: its labels" in response.json()["detail"]
        assert post(client, {}).status_code == 422


def test_your_own_model_predicts_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    class Slow:
        info = create_predictor(TWO).info

        def predict(self, instances: Any) -> NDArray[np.float32]:
            threads.append({current_thread().name[:9], *structlog.contextvars.get_contextvars()})
            Event().wait(0.01)
            return np.array([[0.25, 0.75]] * len(instances), np.float32)

    monkeypatch.setattr(predictions, "load_predictor", lambda *_, **__: Slow())

    with create_client(TWO, Path()) as client:
        assert post(client, ONE).json()["predictions"][0]["label"] == "large"
        assert threads[-1] == {"inference", "request_id", "model_version"}
