"""The recipes for other models."""

import json

import pytest

from tests.helpers.recipes import RecipeProject, each_model_api

# Prints the example, and the prediction of the model in the development environment.
EXPECTED = """
import json
from my_application.model.schema import SCHEMA
from training.data import load, to_table
from training.evaluate import hold_out, predict
from training.{module} import {create}
from training.pipeline import DATA
split = hold_out(SCHEMA, load(SCHEMA, DATA))
model = {create}(SCHEMA, split.train).fit(split.train, split.train_target)
assert "{name}" in repr(model)
probabilities = predict(SCHEMA, model, to_table(SCHEMA, [SCHEMA.example])).tolist()[0]
print(json.dumps([SCHEMA.example_json(), probabilities]))
"""


def packages(project: RecipeProject) -> str:
    """Return the installed packages of the image."""
    return project.paste("docker compose exec --no-TTY api sh -c 'ls /opt/venv/lib/*/*'")


def check_prediction(project: RecipeProject, **names: str) -> None:
    """Compare the prediction of the container with that of the model itself."""
    script = EXPECTED.format(**names)
    printed = project.baked.run("python", "-W", "ignore", "-c", script, env=project.shell).stdout
    example, expected = json.loads(printed)
    status, answer = project.request("POST", "/predictions", {"instances": [example]})

    assert status == 200
    (prediction,) = answer["predictions"]
    assert list(prediction["probabilities"].values()) == pytest.approx(expected, abs=1e-4)


@each_model_api
def test_lightgbm_is_trained_but_not_shipped(project: RecipeProject) -> None:
    project.follow("lightgbm")
    check_prediction(project, module="pipeline", create="create_pipeline", name="LGBM")
    assert "onnxruntime" in packages(project)
    assert "lightgbm" not in packages(project)


@each_model_api
def test_a_model_that_is_not_onnx_is_served(project: RecipeProject) -> None:
    project.follow("skops")
    check_prediction(
        project, module="skops_model", create="create_model", name="QuantileTransformer"
    )
    _, info = project.request("GET", "/model")
    assert info["metrics"]["accuracy"] > 0.9
    # The command line uses it, too.
    description = project.paste("docker compose exec --no-TTY api my-application model")
    assert description.startswith("skops, version ")
