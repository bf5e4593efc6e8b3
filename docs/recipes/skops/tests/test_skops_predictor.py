from pathlib import Path

import numpy as np
import pytest
from tests.tiny import TWO

from my_application.model.batch import read_csv
from my_application.model.predictor import ModelError, load_predictor
from my_application.model.schema import SCHEMA
from my_application.model.skops_predictor import SKOPS_MODEL, SkopsPredictor

from training.data import load, to_table
from training.evaluate import hold_out, predict
from training.pipeline import DATA
from training.skops_model import create_model

PROJECT = Path(__file__).parents[1]


def test_what_is_served_is_what_training_gives() -> None:
    split = hold_out(SCHEMA, load(SCHEMA, PROJECT / DATA))
    model = create_model(SCHEMA, split.train).fit(split.train, split.train_target)
    rows = list(read_csv(PROJECT / DATA))[:50]
    instances = [SCHEMA.parse_text(row) for row in rows]
    found = load_predictor(SCHEMA).predict(instances)

    assert np.allclose(found, predict(SCHEMA, model, to_table(SCHEMA, instances)), atol=1e-5)


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_file_that_cannot_be_loaded_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skops"
    path.write_bytes(content)

    with pytest.raises(ModelError, match="cannot be loaded"):
        SkopsPredictor(path, SCHEMA)


def test_a_model_of_another_schema_is_refused() -> None:
    with pytest.raises(ModelError, match="does not fit the schema"):
        SkopsPredictor(SKOPS_MODEL, TWO)
