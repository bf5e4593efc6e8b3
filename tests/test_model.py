"""The model API from outside: what its image predicts, holds, and does with another model."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.containers import address, ask, container, exit_status, wait_until_healthy
from tests.harness import (
    BUILT,
    COMBINATIONS,
    HERE,
    PACKAGE,
    BakedProject,
    Combination,
    each,
    run,
    unavailable,
)

MODELS = [it for it in COMBINATIONS if it.application == "model-api"]
IMAGES = [it for it in MODELS if it in BUILT]
TRAINED = [it for it in MODELS if it in HERE]
TOLERANCE = 1e-5

# In the development environment: rows, and what scikit-learn itself predicts for them.
EXPECTED = f"""
import json
from {PACKAGE}.model import schema, training
trained = training.train(lambda *_: None)
rows = trained.test.features.tolist()
print(json.dumps({{
    "instances": [dict(zip(schema.NAMES, row, strict=True)) for row in rows],
    "probabilities": trained.pipeline.predict_proba(trained.test.features).tolist(),
}}))
"""

# The same kind of model, trained on other rows.
ANOTHER = f"""
import sys
from pathlib import Path
from {PACKAGE}.model import training
training.SEED = 7
Path(sys.argv[1]).write_bytes(training.export(training.train(lambda *_: None)))
"""

# The largest difference between what two files predict for every row of the data set.
DIFFERENCE = f"""
import sys
from pathlib import Path
import numpy as np
from {PACKAGE}.model import training
from {PACKAGE}.model.predictor import Predictor
rows = np.vstack([data.features for data in training.load()]).astype(np.float32)
one, other = (Predictor.load(Path(path)).predict(rows) for path in sys.argv[1:])
print(np.abs(one - other).max())
"""


@pytest.fixture(scope="session")
def developed(install: Callable[[Combination], BakedProject]) -> BakedProject:
    """A model API in its development environment, on whichever Python is here."""
    if not TRAINED:
        unavailable("This machine has no Python of the template.", required=False)
    return install(TRAINED[0])


def python(project: BakedProject, *arguments: str | Path) -> str:
    return project.run(project.path.parent / "venv/bin/python", *arguments).stdout


@contextmanager
def serving(image: str, *options: str) -> Iterator[tuple[str, str]]:
    """A container's name and address."""
    with container(image, "--publish", "127.0.0.1::8000", *options) as name:
        yield name, address(name)


def mounted(model: Path) -> list[str]:
    path = "/models/own.onnx"
    return [f"--volume={model}:{path}:ro", f"--env={PACKAGE.upper()}_MODEL_PATH={path}"]


def predict(url: str, instances: list[dict[str, float]]) -> list[list[float]]:
    answer: Any = ask(f"{url}/predictions", {"instances": instances})
    return [list(it["probabilities"].values()) for it in answer["predictions"]]


@pytest.mark.slow("trains the model")
@pytest.mark.usefixtures("docker")
@each(IMAGES)
def test_the_image_predicts_what_scikit_learn_does(image: str, developed: BakedProject) -> None:
    expected = json.loads(python(developed, "-c", EXPECTED))

    with serving(image) as (name, url):
        wait_until_healthy(name)
        predicted = predict(url, expected["instances"])

    assert len(predicted) == len(expected["probabilities"]) > 50
    for ours, theirs in zip(predicted, expected["probabilities"], strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE)


@pytest.mark.usefixtures("docker")
@each(IMAGES)
def test_the_image_holds_what_predicts_and_not_what_trains(image: str) -> None:
    code = "import importlib.metadata as it; print(*{d.name.lower() for d in it.distributions()})"

    result = run("docker", "run", "--rm", "--entrypoint", "python", image, "-c", code)

    packages = set(result.stdout.split())
    assert {"onnxruntime", "numpy"} <= packages
    assert not {"scikit-learn", "scipy", "matplotlib", "skl2onnx", "onnx"} & packages


@pytest.mark.usefixtures("docker")
@each(IMAGES[:1])
def test_training_in_the_image_names_the_remedy(image: str) -> None:
    result = run("docker", "run", "--rm", image, "train", check=False)

    assert result.returncode == 1
    assert "dependency group `train`" in result.stdout
    assert "poetry sync" in result.stdout


@pytest.mark.usefixtures("docker")
@each(IMAGES[:1])
def test_a_mounted_model_is_served(image: str, developed: BakedProject, tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    python(developed, "-c", ANOTHER, model)

    with serving(image, *mounted(model)) as (name, url):
        wait_until_healthy(name)
        card: Any = ask(f"{url}/model")

    assert card["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    packaged = (developed.path / f"src/{PACKAGE}/model/model.onnx").read_bytes()
    assert model.read_bytes() != packaged


@pytest.mark.usefixtures("docker")
@each(IMAGES[:1])
def test_a_broken_model_leaves_the_service_alive_but_not_ready(
    image: str, baked: BakedProject, tmp_path: Path
) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes((baked.path / f"src/{PACKAGE}/model/model.onnx").read_bytes()[:300])

    with serving(image, *mounted(model)) as (name, url):
        problem = wait_for_problem(f"{url}/readyz", "own.onnx")

        assert problem["status"] == 503
        assert "/models/own.onnx is no ONNX model" in problem["detail"]
        assert ask(f"{url}/livez") == {"status": "ok"}
        assert exit_status(name) == 0
        logs = run("docker", "logs", name)
        assert "/models/own.onnx is no ONNX model" in logs.stdout
        assert logs.stderr == ""


@pytest.mark.slow("trains the model")
@each(TRAINED)
def test_training_from_the_lock_reproduces_the_shipped_model(
    combination: Combination, install: Callable[[Combination], BakedProject], tmp_path: Path
) -> None:
    project = install(combination)

    python(project, "-m", PACKAGE, "train", "--folder", tmp_path)

    shipped = project.path / f"src/{PACKAGE}/model/model.onnx"
    apart = python(project, "-c", DIFFERENCE, tmp_path / "model.onnx", shipped)
    assert float(apart) <= TOLERANCE


def wait_for_problem(url: str, text: str, seconds: float = 30) -> dict[str, Any]:
    """The problem document of this address, once it holds this text."""
    deadline = monotonic() + seconds
    while True:
        try:
            answer = ask(url)
        except HTTPError as error:
            answer = json.load(error)
        except OSError as error:  # It does not listen yet.
            answer = str(error)
        if isinstance(answer, dict) and text in str(answer.get("detail")):
            return answer
        assert monotonic() < deadline, answer
        sleep(0.05)
