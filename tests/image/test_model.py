"""The image of a model API: its predictions, its contents, and other models."""

import hashlib
import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from zipfile import ZipFile

import pytest

from tests.helpers.containers import (
    address,
    container,
    exit_status,
    predict,
    request_json,
    wait_until_healthy,
    with_python,
)
from tests.helpers.harness import (
    BUILT,
    COMBINATIONS,
    INSTALLABLE,
    PACKAGE,
    BakedProject,
    Combination,
    each,
    poetry,
    run,
    skip_or_fail,
)

MODELS = [it for it in COMBINATIONS if it.application == "model-api"]
IMAGES = [it for it in MODELS if it in BUILT]
TRAINED = [it for it in MODELS if it in INSTALLABLE]
TOLERANCE = 1e-4
TRAIN = ("-m", "training")

# Prints instances, and the predictions of scikit-learn in the development environment.
EXPECTED = f"""
import json
from {PACKAGE}.model.batch import read_csv
from {PACKAGE}.model.schema import SCHEMA
from training.data import load, to_table
from training.evaluate import hold_out
from training.pipeline import DATA, create_pipeline
split = hold_out(SCHEMA, load(SCHEMA, DATA))
model = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
instances = [SCHEMA.parse_text(row) for row in read_csv(DATA)]
print(json.dumps({{
    "instances": [each.model_dump(mode="json") for each in instances],
    "probabilities": model.predict_proba(to_table(SCHEMA, instances)).tolist(),
}}))
"""

# Prints the largest difference between the predictions of two models on the data.
DIFFERENCE = f"""
import sys
from pathlib import Path
import numpy as np
from {PACKAGE}.model.predictor import OnnxPredictor
from {PACKAGE}.model.schema import SCHEMA
from training.data import load, to_columns
from training.pipeline import DATA
columns = to_columns(load(SCHEMA, DATA).table)
one, other = (OnnxPredictor(Path(it).read_bytes(), SCHEMA) for it in sys.argv[1:])
print(np.abs(one.predict_columns(columns) - other.predict_columns(columns)).max())
"""


@pytest.fixture(scope="session")
def developed(install: Callable[[Combination], BakedProject]) -> BakedProject:
    """A model API in its development environment, on any Python of this machine."""
    if not TRAINED:
        skip_or_fail("This machine has no Python of the template.", required=False)
    return install(TRAINED[0])


def python(project: BakedProject, *arguments: str | Path) -> str:
    return project.run(project.path.parent / "venv/bin/python", *arguments).stdout


@contextmanager
def serving(image: str, *options: str) -> Iterator[tuple[str, str]]:
    """Run a container; yield its name and address."""
    with container(image, "--publish", "127.0.0.1::8000", *options) as name:
        yield name, address(name)


def mount_options(model: Path) -> list[str]:
    path = "/models/own.onnx"
    return [f"--volume={model}:{path}:ro", f"--env={PACKAGE.upper()}_MODEL_PATH={path}"]


@pytest.mark.slow("trains the model")
@pytest.mark.usefixtures("docker")
@each(IMAGES)
def test_the_image_predicts_what_scikit_learn_does(image: str, developed: BakedProject) -> None:
    expected = json.loads(python(developed, "-c", EXPECTED))

    with serving(image) as (name, url):
        wait_until_healthy(name)
        predicted = predict(url, expected["instances"])

    assert len(predicted) == len(expected["probabilities"]) == 344
    for ours, theirs in zip(predicted, expected["probabilities"], strict=True):
        assert list(ours["probabilities"].values()) == pytest.approx(theirs, abs=TOLERANCE)


@pytest.mark.usefixtures("docker")
@each(IMAGES)
def test_the_image_has_the_packages_for_prediction_but_not_for_training(image: str) -> None:
    code = "import importlib.metadata as it; print(*{d.name.lower() for d in it.distributions()})"

    result = run("docker", "run", "--rm", "--entrypoint", "python", image, "-c", code)
    trains = ["docker", "run", "--rm", "--entrypoint", "python", image, "-m", "training"]

    packages = set(result.stdout.split())
    assert {"onnxruntime", "numpy"} <= packages
    assert not {"scikit-learn", "scipy", "pandas", "matplotlib", "skl2onnx", "onnx"} & packages
    assert "No module named training" in run(*trains, check=False).stderr


@pytest.mark.slow("trains the model")
@pytest.mark.usefixtures("docker")
@each(IMAGES[:1])
def test_a_mounted_model_is_served(image: str, developed: BakedProject, tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    sample = tmp_path / "sample.csv"
    lines = (developed.path / "data/penguins.csv").read_text().splitlines(keepends=True)
    sample.write_text("".join([lines[0], *lines[1::2]]))
    python(developed, *TRAIN, f"--data={sample}", f"--output={model}", f"--report={tmp_path}/r")

    with serving(image, *mount_options(model)) as (name, url):
        wait_until_healthy(name)
        description: Any = request_json(f"{url}/model")

    assert description["version"] == hashlib.sha256(model.read_bytes()).hexdigest()[:12]
    packaged = (developed.path / f"src/{PACKAGE}/model/model.onnx").read_bytes()
    assert model.read_bytes() != packaged


@pytest.mark.usefixtures("docker")
@each(IMAGES[:1])
def test_a_broken_model_leaves_the_service_alive_but_not_ready(
    image: str, baked: BakedProject, tmp_path: Path
) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes((baked.path / f"src/{PACKAGE}/model/model.onnx").read_bytes()[:300])

    with serving(image, *mount_options(model)) as (name, url):
        problem = wait_for_problem(f"{url}/readyz", "own.onnx")

        assert problem["status"] == 503
        assert "/models/own.onnx is not an ONNX model or is truncated" in problem["detail"]
        assert request_json(f"{url}/livez") == {"status": "ok"}
        assert exit_status(name) == 0
        logs = run("docker", "logs", name)
        assert "/models/own.onnx is not an ONNX model or is truncated" in logs.stdout
        assert logs.stderr == ""


@pytest.mark.usefixtures("docker")
@each(IMAGES[:1])
def test_make_start_fails_at_once_if_a_model_cannot_be_served(
    image: str, baked: BakedProject, tmp_path: Path
) -> None:
    project = BakedProject(tmp_path / "project", baked.combination)
    shutil.copytree(baked.path, project.path)
    (project.path / f"src/{PACKAGE}/model/model.onnx").write_bytes(b"not a model")
    environment = with_python() | {"COMPOSE_PROJECT_NAME": f"broken-{tmp_path.name}"}
    project.run("make", "image", f"IMAGE={image}-broken", env=environment)

    start = monotonic()
    target = ["make", "start", f"IMAGE={image}-broken"]
    result = project.run(*target, check=False, env=environment)

    assert result.returncode
    assert "The model cannot be served: " in result.stdout + result.stderr
    assert "model.onnx is not an ONNX model" in result.stdout + result.stderr
    assert monotonic() - start < 20


@pytest.mark.slow("trains the model")
@each(TRAINED)
def test_training_from_the_lock_reproduces_the_shipped_model(
    combination: Combination, install: Callable[[Combination], BakedProject], tmp_path: Path
) -> None:
    project = install(combination)

    model = tmp_path / "model.onnx"
    python(project, *TRAIN, f"--output={model}", f"--report={tmp_path}/report.html")

    shipped = project.path / f"src/{PACKAGE}/model/model.onnx"
    assert float(python(project, "-c", DIFFERENCE, model, shipped)) <= TOLERANCE


@each(TRAINED[:1])
def test_the_wheel_has_no_training_code(baked: BakedProject, tmp_path: Path) -> None:
    baked.run(*poetry("build", "--format", "wheel", "--output", str(tmp_path)))

    (wheel,) = tmp_path.iterdir()
    with ZipFile(wheel) as archive:
        folders = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in folders if not name.endswith(".dist-info")} == {PACKAGE}
    sources = "".join(path.read_text("utf-8") for path in (baked.path / "src").rglob("*.py"))
    assert "import training" not in sources
    assert "from training" not in sources


@each(TRAINED[:1])
def test_protobuf_is_limited_as_long_as_skl2onnx_needs_it(baked: BakedProject) -> None:
    lock = tomllib.loads((baked.path / "poetry.lock").read_text("utf-8"))
    versions = {package["name"]: package["version"] for package in lock["package"]}

    # If this fails, check whether the new skl2onnx works without the limit of protobuf.
    assert versions["skl2onnx"] == "1.20.0"
    assert '"protobuf<7.34"' in (baked.path / "pyproject.toml").read_text("utf-8")


def wait_for_problem(url: str, text: str, seconds: float = 30) -> dict[str, Any]:
    """Return the problem document of a URL as soon as it contains a text."""
    deadline = monotonic() + seconds
    while True:
        try:
            answer = request_json(url)
        except HTTPError as error:
            answer = json.load(error)
        except OSError as error:  # It does not listen yet.
            answer = str(error)
        if isinstance(answer, dict) and text in str(answer.get("detail")):
            return answer
        assert monotonic() < deadline, answer
        sleep(0.05)
