"""What all tests share."""

import os
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.environment import PREFIX


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every test in an empty folder, with none of this application's settings made."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
