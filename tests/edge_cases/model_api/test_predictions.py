from pathlib import Path
from threading import Event, current_thread
from typing import Any

import numpy as np
import pytest
import structlog
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from tests.conftest import ReadLog
from tests.test_predictions import JSON, ONE, post
from tests.tiny import TWO, create_predictor, write_model

from my_application import app
from my_application.routes import predictions
from my_application.settings import Settings


@pytest.fixture(autouse=True)
def tiny_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "SCHEMA", TWO)


def test_the_log_entry_of_a_request_has_the_version_of_the_model(
    tmp_path: Path, read_log: ReadLog
) -> None:
    settings = Settings(model_path=str(write_model(TWO, tmp_path / "model.onnx")))
    with TestClient(app.create_app(settings)) as client:
        read_log()

        model = post(client, ONE).json()["model"]

    assert read_log()[0]["model_version"] == model["version"]


@pytest.mark.parametrize("count", ["1" + "0" * 39, "1" + "0" * 400])
def test_a_number_beyond_float32_is_refused(tmp_path: Path, count: str) -> None:
    settings = Settings(model_path=str(write_model(TWO, tmp_path / "model.onnx")))
    with TestClient(app.create_app(settings)) as client:
        content = f'{{"instances": [{{"size": 99, "count": {count}}}]}}'

        response = client.post("/predictions", content=content, headers=JSON)

    assert response.status_code == 422
    reason = "The model cannot take a value of count: it is too large."
    assert response.json()["detail"] == reason


def test_a_slow_model_predicts_in_a_thread_whose_log_has_request_ids(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names: list[set[str]] = []

    class Slow:
        info = create_predictor(TWO).info

        def predict(self, instances: Any) -> NDArray[np.float32]:
            names.append({current_thread().name[:9], *structlog.contextvars.get_contextvars()})
            Event().wait(0.01)
            return np.array([[0.25, 0.75]] * len(instances), np.float32)

    monkeypatch.setattr(predictions, "load_predictor", lambda *_, **__: Slow())

    with TestClient(app.create_app(Settings())) as client:
        assert post(client, ONE).json()["predictions"][0]["label"] == "large"

    assert names[-1] == {"inference", "request_id", "model_version"}


def test_an_invalid_body_is_refused() -> None:
    client = TestClient(app.create_app(Settings(max_instances=3)))
    responses = [
        post(client),
        post(client, *[ONE] * 4),
        client.post("/predictions", json={"instances": 1}),
    ]

    assert [response.status_code for response in responses] == [422] * 3
