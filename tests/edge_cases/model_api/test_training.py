from pathlib import Path

import numpy as np
import pytest
from tests import test_model
from tests.test_training import HEADER, write
from tests.tiny import PRICE, THREE, TWO, create_data, train

from my_application.model import predictor

from training import report
from training.data import Data, DataError, load
from training.evaluate import evaluate, hold_out
from training.export import export
from training.pipeline import create_pipeline, encode


def test_the_means_of_a_text_are_as_exact_as_in_onnx() -> None:
    data = create_data(PRICE)
    (shop,) = [feature for feature in PRICE.features if feature.kind == "text"]

    _, step, names = encode(PRICE, shop, data.table)
    means = step.fit_transform(data.table[names], data.target)

    # A tree could split between two float64 means that are the same float32.
    assert means.dtype == np.float32


def test_the_report_shows_the_most_important_features(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "BARS", 2)
    evaluation, _ = train(PRICE)
    split = evaluation.split

    figure = report.draw_importance(PRICE, evaluation.model, split.test, split.test_target)

    (axes,) = figure.axes
    assert len(axes.patches) == 2
    assert axes.get_yticklabels()[-1].get_text() == "Size (cm)"


def test_the_sample_pipeline_learns_a_rare_label() -> None:
    random = np.random.default_rng(0)
    table = create_data(TWO).table.sample(20_000, replace=True, random_state=0, ignore_index=True)
    table["size"] = random.lognormal(3, 1.2, len(table)).astype(np.float32)
    is_rare = random.random(len(table)) < 0.3 / (1 + np.exp(9 - 0.02 * table["size"]))
    split = hold_out(TWO, Data(table, is_rare.to_numpy(int), 0))

    model = create_pipeline(TWO, split.train).fit(split.train, split.train_target)

    evaluation = evaluate(TWO, model, split)
    assert evaluation.scores["log_loss"] < evaluation.baseline["log_loss"]
    assert evaluation.scores["roc_auc"] > 0.9


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("1,10,a,small\n" * 19, "19 rows with a target; at least 20"),
        ("1,10,a,small\n" * 20, "the label large. Remove these rows, and the label"),
    ],
)
def test_too_few_rows_are_refused(tmp_path: Path, rows: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        load(TWO, write(tmp_path, HEADER + rows))


def test_the_baseline_is_computed_from_the_data() -> None:
    assert 0.3 < train(THREE)[0].baseline["accuracy"] < 0.5
    assert train(TWO)[0].baseline["roc_auc"] == 0.5
    assert train(PRICE)[0].baseline["mean_absolute_error"] > 20


def test_a_model_of_few_rows_passes_the_test_of_the_shipped_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).normal(size=60)
    data = Data(create_data(PRICE, rows=60).table, noise, 0)
    split = hold_out(PRICE, data)
    model = create_pipeline(PRICE, split.train).fit(split.train, split.train_target)
    path = tmp_path / "model.onnx"
    path.write_bytes(export(evaluate(PRICE, model, split))[0])
    monkeypatch.setattr(test_model, "SCHEMA", PRICE)
    monkeypatch.setattr(predictor, "PACKAGED_MODEL", path)

    test_model.test_training_again_gives_a_similar_model(data)
