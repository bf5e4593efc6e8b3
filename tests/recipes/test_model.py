"""The recipes for other models."""

import json

import pytest

from tests.helpers.recipes import Cook, each_model_api

# What LightGBM itself predicts, in the development environment.
EXPECTED = """
import json
from my_application.model.schema import SCHEMA
from training.data import load, to_table
from training.evaluate import hold_out, predict
from training.pipeline import DATA, create_pipeline
split = hold_out(SCHEMA, load(SCHEMA, DATA))
model = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
assert "LGBM" in repr(model)
print(json.dumps(predict(SCHEMA, model, to_table(SCHEMA, [SCHEMA.example])).tolist()[0]))
"""


@each_model_api
def test_lightgbm(cook: Cook) -> None:
    cook.follow("lightgbm")
    expected = json.loads(cook.project.run("python", "-c", EXPECTED, env=cook.shell).stdout)
    example = cook.paste(
        "python -c 'from my_application.model.schema import *; "
        "import json; print(json.dumps(SCHEMA.example_json()))'"
    )
    status, answer = cook.ask("POST", "/predictions", {"instances": [json.loads(example)]})

    assert status == 200
    (prediction,) = answer["predictions"]
    assert list(prediction["probabilities"].values()) == pytest.approx(expected, abs=1e-4)
    packages = cook.paste("docker compose exec --no-TTY api sh -c 'ls /opt/venv/lib/*/*'")
    assert "onnxruntime" in packages
    assert "lightgbm" not in packages
