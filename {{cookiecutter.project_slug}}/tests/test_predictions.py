import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from prometheus_client import REGISTRY
from tests.tiny import PRICE, THREE, TWO, write_model

from {{ cookiecutter.package_name }} import app
from {{ cookiecutter.package_name }}.model.features import Schema
from {{ cookiecutter.package_name }}.settings import Settings

type CreateClient = Callable[[Schema, Schema], TestClient]

JSON = {"content-type": "application/json"}
ONE = {"Size (cm)": 99}


@pytest.fixture
def create_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CreateClient:
    def create(schema: Schema, trained_for: Schema) -> TestClient:
        monkeypatch.setattr(app, "SCHEMA", schema)
        model = write_model(trained_for, tmp_path / "model.onnx")
        settings = Settings(model_path=str(model), max_instances=3)
        return TestClient(app.create_app(settings), raise_server_exceptions=False)

    return create


@pytest.fixture
def client(create_client: CreateClient) -> Iterator[TestClient]:
    with create_client(THREE, THREE) as client:
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


def test_a_regression_returns_values(create_client: CreateClient) -> None:
    with create_client(PRICE, PRICE) as client:
        assert post(client, ONE).json()["predictions"] == [{"value": pytest.approx(198, abs=20)}]
        assert count("predicted_value_count") == 1


def test_the_model_is_in_the_response(client: TestClient) -> None:
    model = post(client, ONE).json()["model"]

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
        ({"Size (cm)": "1"}, "/Size (cm)"),
        ({"Size (cm)": True}, "/Size (cm)"),
        (ONE | {"color": "blue"}, "/color"),
        (ONE | {"shap": "a"}, "/shap"),
        (ONE | {"is_new": None}, "/is_new"),
        (ONE | {"is_new": 1}, "/is_new"),
        (ONE | {"count": 1.5}, "/count"),
        (ONE | {"sold": "soon"}, "/sold"),
        (ONE | {"sold": 0}, "/sold"),
        ({"Size (cm)": 101}, "/Size (cm)"),
        ({"Size (cm)": float("inf")}, "/Size (cm)"),
        ({"Size (cm)": float("nan")}, "/Size (cm)"),
        ("large", ""),
    ],
)
def test_an_invalid_instance_is_refused(client: TestClient, instance: Any, location: str) -> None:
    content = json.dumps({"instances": [ONE, instance]})  # Which may have NaN, unlike JSON.

    response = client.post("/predictions", content=content, headers=JSON)

    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == f"/instances/1{location}"


def count(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"model_{name}", labels)


def test_predictions_are_counted(client: TestClient) -> None:
    post(client, ONE | {"color": "red"}, {"size": 1})
    post(client, {"Size (cm)": 101, "color": "blue", "shap": 1})

    assert count("predictions_total", label="small") == 1
    assert count("predictions_total", label="medium") == 0
    assert count("missing_values_total", feature="color") == 1
    for feature in ("size", "color", "other"):
        assert count("refused_values_total", feature=feature) == 1
    assert count("top_probability_count") == 2
    info = client.get("/model").json()
    labels = {"name": info["name"], "version": info["version"]}
    assert REGISTRY.get_sample_value("model_info", labels) == 1


def test_a_service_without_a_model_is_alive_but_not_ready(create_client: CreateClient) -> None:
    with create_client(TWO, THREE) as client:
        assert client.get("/livez").status_code == 200
        for response in (client.get("/readyz"), post(client, ONE), client.get("/model")):
            assert response.status_code == 503
            assert "model.onnx does not fit the schema: its labels" in response.json()["detail"]
        assert post(client, {}).status_code == 422
