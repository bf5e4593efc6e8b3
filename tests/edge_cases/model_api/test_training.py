import numpy as np
import pytest
from tests.tiny import PRICE, TWO, create_data, train

from training import report
from training.data import Data
from training.evaluate import evaluate, hold_out
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
