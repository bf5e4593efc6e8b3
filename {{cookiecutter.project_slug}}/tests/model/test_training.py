import json
import re
from pathlib import Path

import numpy as np
import pytest

from {{ cookiecutter.package_name }}.model import report, training
from {{ cookiecutter.package_name }}.model.predictor import (
    PACKAGED,
    ModelError,
    Predictor,
)


def test_the_model_tells_the_wines_apart(trained: training.Trained) -> None:
    evaluation = trained.evaluation

    assert evaluation.accuracy > 0.95
    assert evaluation.accuracy_low < evaluation.accuracy < evaluation.accuracy_high
    assert np.sum(evaluation.confusion) == evaluation.test_rows == 54


def test_training_again_gives_the_packaged_model(
    trained: training.Trained, predictor: Predictor
) -> None:
    again = Predictor.parse(training.export(trained))
    rows = np.vstack([data.features for data in training.load()]).astype(np.float32)

    assert again.predict(rows) == pytest.approx(predictor.predict(rows), abs=training.TOLERANCE)


def test_the_packaged_figures_are_those_of_the_packaged_model(
    trained: training.Trained, predictor: Predictor
) -> None:
    figures = json.loads(PACKAGED.with_name("metrics.json").read_text())

    assert figures["accuracy"] == predictor.description.metrics["accuracy"]
    assert figures["confusion"] == trained.evaluation.confusion
    assert figures["log_loss"] == pytest.approx(trained.evaluation.log_loss, abs=1e-3)


def test_the_packaged_model_predicts_what_scikit_learn_does(
    trained: training.Trained, predictor: Predictor
) -> None:
    expected = trained.pipeline.predict_proba(trained.test.features)

    predicted = predictor.predict(trained.test.features.astype(np.float32))

    assert np.abs(predicted - expected).max() <= 1e-5


def test_a_model_that_predicts_otherwise_is_not_exported(
    trained: training.Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TOLERANCE", -1.0)

    with pytest.raises(ModelError, match="otherwise than scikit-learn"):
        training.export(trained)


def test_an_interval_holds_its_share_and_stays_within_0_and_1() -> None:
    assert training.wilson_interval(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)
    assert training.wilson_interval(0.5, 10_000) == pytest.approx((0.49, 0.51), abs=1e-3)


def test_the_report_stands_for_itself(trained: training.Trained) -> None:
    report.write(Path(), b"", trained.evaluation)

    assert Path("report.png").read_bytes().startswith(b"\x89PNG")
    page = Path("report.html").read_text("utf-8")
    assert not re.search(r"https?:|src=|@import|url\(|\$\w", page)
    for count in np.ravel(trained.evaluation.confusion):
        assert f">{count}</td>" in page
