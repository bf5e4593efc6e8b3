"""What all tests share."""

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from {{ cookiecutter.package_name }} import logs
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings

PROJECT = Path(__file__).parents[1]

type ReadLog = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in an empty folder, and set only the settings that have no default.

    Their values are those of .env.example, or else of .env or the environment.
    """
    files = [dotenv_values(PROJECT / name) for name in (".env", ".env.example")]
    given = {name: value for source in (os.environ, *files) for name, value in source.items()}
    monkeypatch.chdir(tmp_path)
    for name in given:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name, raising=False)
    try:
        Settings()
    except ValidationError as error:
        missing = [str(detail["loc"][0]).upper() for detail in error.errors()]
        for name, value in given.items():
            if value and name.upper().removeprefix(PREFIX).startswith(tuple(missing)):
                monkeypatch.setenv(name, value)


@pytest.fixture
def read_log(capsys: pytest.CaptureFixture[str]) -> Iterator[ReadLog]:
    """Log as in production, and return a function that returns the lines since its last call."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with warnings.catch_warnings():
        logs.configure("info", "json")
        yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level