"""What the tests of the model share."""

import pytest

from {{ cookiecutter.package_name }}.model import training
from {{ cookiecutter.package_name }}.model.predictor import Predictor


@pytest.fixture(scope="session")
def trained() -> training.Trained:
    """A model that is trained as `make train` does it."""
    return training.train(lambda *_: None)


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    """The packaged model."""
    return Predictor.load()
