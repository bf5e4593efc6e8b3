"""A model API trains on few rows, many labels, or a rare label."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.harness import INSTALLABLE, PACKAGE, BakedProject, Combination, each, run

MODEL_API = [combination for combination in INSTALLABLE if combination.application == "model-api"][
    :1
]

TRAIN = f"""
import json, sys
from typing import Literal
from pydantic import create_model
from {PACKAGE}.model.features import FeatureModel, Schema
from training import __main__ as training

labels = Literal[*json.loads(sys.argv[2])]
features = create_model("Features", __base__=FeatureModel, x=(float, ...))
target = create_model("Target", label=(labels, ...))
training.SCHEMA = Schema(features, target, features(x=1.0))
sys.argv = ["training", "--data", sys.argv[1], "--output", "model.onnx"]
training.main()
"""


@pytest.mark.slow("trains three models")
@pytest.mark.parametrize(
    "counts",
    [[8] * 3, [7] * 12, [10_000, 10_000, 5]],
    ids=["few rows", "many labels", "a rare label"],
)
@each(MODEL_API)
def test_a_model_is_trained(
    combination: Combination,
    install: Callable[[Combination], BakedProject],
    counts: list[int],
    tmp_path: Path,
) -> None:
    project = install(combination)
    labels = [f"l{number}" for number in range(len(counts))]
    lines = [
        f"{n % 97},{label}"
        for label, count in zip(labels, counts, strict=True)
        for n in range(count)
    ]
    (tmp_path / "data.csv").write_text("\n".join(["x,label", *lines]))

    python = project.path.parent / "venv/bin/python"
    output = run(
        python,
        "-c",
        TRAIN,
        tmp_path / "data.csv",
        json.dumps(labels),
        cwd=tmp_path,
        env={"PYTHONPATH": str(project.path), "PATH": ""},
    ).stdout

    assert "Wrote model.onnx and report.html." in output
    assert (tmp_path / "model.onnx").stat().st_size > 1000
