"""Replace the demo of a model API as a user does: draft a schema, train, build an image.

Only the schema, `training` and `data` are edited; the image has the predictions of scikit-learn.
"""

import csv
import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.containers import address, container, predict, request_json, wait_until_healthy
from tests.helpers.extended_project import edit
from tests.helpers.harness import (
    BUILT,
    INSTALLABLE,
    PACKAGE,
    BakedProject,
    Combination,
    activated_env,
    commit,
    each,
    install_locked,
    run,
    skip_or_fail,
    tool,
)

COMBINATION = [it for it in INSTALLABLE if it.application == "model-api" and it in BUILT][:1]
SCHEMA, PIPELINE = Path(f"src/{PACKAGE}/model/schema.py"), Path("training/pipeline.py")
TOLERANCE = 2e-4
PACKAGES = ["lightgbm<5", "onnxmltools<2", "skops<1"]
LABELS = ["basic", "plus", "Ünïcode, \"quoted\" 'label'"]

Row = dict[str, object]

# Prints instances, and the predictions of scikit-learn in the development environment.
EXPECTED = f"""
import json
from {PACKAGE}.model.batch import read_csv
from {PACKAGE}.model.schema import SCHEMA
from training.data import load, to_table
from training.evaluate import hold_out, predict
from training.pipeline import DATA, create_pipeline
split = hold_out(SCHEMA, load(SCHEMA, DATA))
model = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
instances = [SCHEMA.parse_text(row) for row in read_csv(DATA)][:1000]
print(json.dumps({{
    "instances": [each.model_dump(mode="json") for each in instances],
    "expected": predict(SCHEMA, model, to_table(SCHEMA, instances)).tolist(),
}}))
"""


@dataclass(frozen=True)
class Replacement:
    """The data and the edits of a user."""

    rows: Callable[[random.Random], Iterator[Row]]
    target: str
    edits: dict[str, str] = field(default_factory=dict)
    """In the pipeline."""
    venv: str = "locked"
    left_out: tuple[str, ...] = ()


def churn(choose: random.Random) -> Iterator[Row]:
    """Yield 20,000 customers, with missing values, a category of 300 values, and an ID."""
    for n in range(20_000):
        fee, calls = round(choose.gauss(40, 12), 2), choose.randrange(60)
        city = f"Stadt {int(300 * choose.random() ** 2)}"
        plan = choose.choice(["basic", "plus", "pro"])
        risk = (fee - 40) / 12 + calls / 30 - (plan == "pro") + stable_hash(city)
        yield {
            "customerID": f"{n * 7919 % 99991:05}-{n}",
            "Monthly Fee (€)": "" if choose.random() < 0.1 else fee,
            "support_calls": "NA" if choose.random() < 0.05 else calls,
            "type": plan,  # A builtin of Python.
            "city": city,
            "newsletter": choose.random() < 0.4,
            "signup": date(2020, 1, 1) + timedelta(choose.randrange(2000)),
            "country": "DE",
            "churned": "yes" if risk + choose.gauss(0, 1) > 1.5 else "no",
        }


def prices(choose: random.Random) -> Iterator[Row]:
    """Yield homes, with floats of full precision, and prices that are integers."""
    for _ in range(5000):
        area, rooms, age = choose.lognormvariate(4.5, 0.4), choose.randint(1, 8), choose.random()
        district = f"Bezirk {choose.randrange(30)}"
        price = 3000 * area + 20_000 * rooms - 90_000 * age + 50_000 * stable_hash(district)
        yield {
            "area": "" if choose.random() < 0.05 else area,
            "rooms": rooms,
            "age": age * 100,
            "district": district,
            "price": round(price * choose.gauss(1, 0.05)),
        }


def two_features(choose: random.Random) -> Iterator[Row]:
    """Yield a few rows with two features."""
    for _ in range(60):
        x = round(choose.random(), 3)
        yield {"x": x, "class": choose.choice([0, 1]), "y": int(x > 0.5)}


def tickets(choose: random.Random) -> Iterator[Row]:
    """Yield rows with a free text and three labels."""
    words = {
        LABELS[0]: ["login", "password", "straße"],
        LABELS[1]: ["refund", "invoice", "€20"],
        LABELS[2]: ["screen", "broken", "Привет"],
    }
    for n in range(1500):
        label = choose.choice(LABELS)
        text = choose.choices([*words[label], "the", "my,", "Please!", "again\nnow"], k=8)
        yield {
            "ticket": n,
            "message": f"{' '.join(text)} {n}",
            "priority": choose.choice(["low", "high", ""]),
            "queue": label,
        }


def stable_hash(text: str) -> float:
    """Return a number between 0 and 1 that depends on a text."""
    return sum(text.encode()) * 37 % 101 / 100


ENSEMBLE = (
    "from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor"
)
PANDAS = "import pandas as pd\n"
ENOUGH = "    enough = len(table) >= 10 * len(schema.labels)  # Early stopping holds out a tenth.\n"
LIGHTGBM = {
    f"{ENSEMBLE}\n": "",
    PANDAS: f"{PANDAS}from lightgbm import LGBMClassifier, LGBMRegressor\n",
    ENOUGH: "",
    '    options = {"max_iter": 200, "early_stopping": enough, "random_state": SEED}\n': "",
    '    options["l2_regularization"] = 1  # Otherwise, rare labels may diverge.\n': "",
    "HistGradientBoostingClassifier(**options)": "LGBMClassifier(verbose=-1, random_state=SEED)",
    "HistGradientBoostingRegressor(**options)": "LGBMRegressor(verbose=-1, random_state=SEED)",
}
REPLACEMENTS = {
    "churn": Replacement(churn, "churned", left_out=("customerID", "country")),
    "prices": Replacement(prices, "price", edits=LIGHTGBM, venv="extended"),
    "two features": Replacement(two_features, "y"),
    "tickets": Replacement(tickets, "queue", left_out=("ticket",)),
}


@pytest.fixture
def project(combination: Combination, baked: BakedProject, tmp_path: Path) -> BakedProject:
    """A project in a repository."""
    project = BakedProject(tmp_path / "project", combination)
    shutil.copytree(baked.path, project.path)
    commit(project.path, "Start from the template")
    return project


@pytest.fixture
def locked(install: Callable[[Combination], BakedProject]) -> Path:
    return install(COMBINATION[0]).path.parent / "venv"


@pytest.fixture(scope="module")
def extended(
    install: Callable[[Combination], BakedProject], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An environment with further packages, as `poetry add --group train` installs."""
    project, venv = install(COMBINATION[0]).path, tmp_path_factory.mktemp("extended") / "venv"
    install_locked(project, venv, project.parent / "venv/bin/python")
    result = run(tool("uv"), "pip", "install", "--python", venv, *PACKAGES, check=False)
    if result.returncode:
        skip_or_fail(f"There is no package index: {result.stderr}", required=False)
    loaded = run(venv / "bin/python", "-c", "import lightgbm", check=False)
    if loaded.returncode:
        reason = f"LightGBM needs OpenMP: {loaded.stderr.splitlines()[-1]}"
        skip_or_fail(reason, required=os.environ.get("REQUIRE_DOCKER") == "1")
    return venv


@pytest.mark.slow("trains a model and builds its image")
@pytest.mark.usefixtures("docker")
@pytest.mark.parametrize("name", REPLACEMENTS)
@each(COMBINATION)
def test_the_demo_can_be_replaced_with_a_drafted_schema_and_other_data(
    name: str, project: BakedProject, request: pytest.FixtureRequest
) -> None:
    replacement, tag = REPLACEMENTS[name], f"template-test:replaced-{name.replace(' ', '-')}"
    venv = request.getfixturevalue(replacement.venv)
    environment = activated_env(venv) | {"PYTHONPATH": str(project.path / "src")}
    data = Path(f"data/{name.replace(' ', '_')}.csv")
    write_csv(project.path / data, replacement.rows(random.Random(0)))  # noqa: S311 - no secret
    arguments = [str(data), "--target", replacement.target]

    drafted = project.run("python", "-m", "training.draft", *arguments, env=environment).stdout
    (project.path / SCHEMA).write_text(drafted, "utf-8")
    edits = {'NAME = "penguins"': f'NAME = "{name}"', "data/penguins.csv": str(data)}
    for old, new in (edits | replacement.edits).items():
        edit(project.path / PIPELINE, old, new)
    project.run("make", "train", "check", "test", "image", f"IMAGE={tag}", env=environment)

    for column in replacement.left_out:
        assert f"# Left out: {column} (" in drafted
    status = project.run("git", "status", "--porcelain").stdout.splitlines()
    touched = {line.split()[1] for line in status}
    model = str(SCHEMA.with_name("model.onnx"))
    assert touched == {str(SCHEMA), str(PIPELINE), model}, "git ignores the data"
    expected = json.loads(project.run("python", "-c", EXPECTED, env=environment).stdout)
    with container(tag, "--publish", "127.0.0.1::8000") as served:
        wait_until_healthy(served)
        answers = predict(address(served), expected["instances"])
        model_info: Any = request_json(f"{address(served)}/model")
        assert model_info["name"] == name
    predictions = [
        list(each["probabilities"].values()) if "label" in each else each["value"]
        for each in answers
    ]
    for ours, theirs in zip(predictions, expected["expected"], strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE, rel=TOLERANCE)


def write_csv(path: Path, rows: Iterator[Row]) -> None:
    """Write a CSV file."""
    first = next(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(first))
        writer.writeheader()
        writer.writerows([first, *rows])


# Runs the examples of docs/model.md, and compares predictions with those of the library.
OTHER_FORMATS = f"""
import hashlib, re, sys
from pathlib import Path
from typing import *
import lightgbm, numpy as np, pandas as pd, skops.io
from fastapi.testclient import TestClient
from {PACKAGE}.app import create_app
from {PACKAGE}.model.features import FeatureModel, Schema
from {PACKAGE}.model.predictor import ModelInfo
from {PACKAGE}.model.schema import SCHEMA, Target
from {PACKAGE}.routes import predictions
from numpy.typing import NDArray
from pydantic import BaseModel
from training.data import load
from training.evaluate import hold_out
from training.pipeline import DATA, create_pipeline

for block in re.findall("```python\\n(class .*?)```", Path("docs/model.md").read_text(), re.S):
    exec(block)
split = hold_out(SCHEMA, load(SCHEMA, DATA))
pipeline = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
skops.io.dump((pipeline, {{"accuracy": 0.5}}), sys.argv[1])
TRUSTED_TYPES = skops.io.get_untrusted_types(file=sys.argv[1])
predictor = SkopsPredictor(Path(sys.argv[1]), SCHEMA)
predictions.load_predictor = lambda *_, **__: predictor
with TestClient(create_app()) as client:
    body = {{"instances": [SCHEMA.example_json()] * 3}}
    answer = client.post("/predictions", json=body).json()
assert answer["model"]["name"] == "skops"
assert predictor.info.metrics == {{"accuracy": 0.5}}
table = pd.DataFrame({{k: v[:, 0] for k, v in SCHEMA.to_columns([SCHEMA.example]).items()}})
expected = pipeline.predict_proba(table)[0]
found = list(answer["predictions"][2]["probabilities"].values())
assert np.allclose(found, expected, atol=1e-5)

class Numbers(FeatureModel):
    bill_length_mm: float | None = None
    body_mass_g: int | None = None

schema = Schema(Numbers, Target, Numbers(bill_length_mm=39.1, body_mass_g=3750))
data = load(schema, DATA)
model = lightgbm.LGBMClassifier(verbose=-1).fit(data.table, data.target)
model.booster_.save_model(sys.argv[1])
predictor = LightGbmPredictor(Path(sys.argv[1]), schema)
instances = [schema.example, Numbers()]
table = pd.DataFrame({{k: v[:, 0] for k, v in schema.to_columns(instances).items()}})
assert np.allclose(predictor.predict(instances), model.predict_proba(table), atol=1e-5)
"""


@pytest.mark.slow("installs an environment")
@each(COMBINATION)
def test_other_formats_are_served_as_the_page_says(
    project: BakedProject, extended: Path, tmp_path: Path
) -> None:
    environment = activated_env(extended) | {"PYTHONPATH": str(project.path / "src")}

    project.run("python", "-W", "ignore", "-c", OTHER_FORMATS, tmp_path / "m", env=environment)
