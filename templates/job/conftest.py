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
    given = {**os.environ, **dotenv_values(PROJECT / ".env")}
    given |= dotenv_values(PROJECT / ".env.example")
    monkeypatch.chdir(tmp_path)
    for name in given:
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name, raising=False)
    try:
        Settings.model_validate({})
    except ValidationError as error:
        missing = [str(detail["loc"][0]).upper() for detail in error.errors()]
        for name, value in given.items():
            if value and name.upper().removeprefix(PREFIX).startswith(tuple(missing)):
                monkeypatch.setenv(name, value)


@pytest.fixture
def read_log(capsys: pytest.CaptureFixture[str]) -> Iterator[ReadLog]:
    """Return a function that returns what has been logged since its last call, which is first."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def read() -> list[dict[str, Any]]:
        logs.configure("info", "json")
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    with warnings.catch_warnings():
        yield read
        logging.captureWarnings(capture=False)
    root.handlers[:], root.level = handlers, level