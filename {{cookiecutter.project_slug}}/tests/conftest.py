"""What all tests share."""

import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.environment import PREFIX


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in an empty folder, with none of this application's settings made."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def restored_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Undo what a command does to the logging of its process."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(logging.getLogger(), "level", logging.WARNING)
    logging.captureWarnings(capture=False)
    with warnings.catch_warnings():
        yield
        logging.captureWarnings(capture=False)
