import json
import shutil
from pathlib import Path

import pytest
from pydantic_settings import SettingsError
from tests.conftest import PROJECT
from typer import BadParameter
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.exit_status import InputError
from {{ cookiecutter.package_name }}.settings import PREFIX

SAMPLE = str(PROJECT / "data" / "orders.csv")


def invoke(*arguments: str) -> str:
    """Run the command line and return what it prints; raise what it raises."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False, standalone_mode=False).output


def test_help_lists_the_exit_statuses() -> None:
    assert "Status 65: the input is invalid or missing" in " ".join(invoke("--help").split())


def test_the_sample_data_is_priced() -> None:
    line = json.loads(invoke("run", SAMPLE, "out.jsonl"))

    assert (line["event"], line["status"], line["orders"]) == ("done", 0, 5)
    assert len(Path("out.jsonl").read_text().splitlines()) == 5


def test_invalid_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}MAX_ERRORS", "many")

    with pytest.raises(SettingsError, match=f"{PREFIX}MAX_ERRORS: Input should be"):
        invoke("run", SAMPLE, "out.jsonl")


def test_shards_are_merged_to_the_output_of_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    invoke("run", SAMPLE, "whole.jsonl")
    killed = Path(".out.jsonl.0123456789abcdef.2-of-3.01234567.partial")
    killed.mkdir()
    for index in range(3):
        monkeypatch.setenv("JOB_COMPLETION_INDEX", str(index))
        invoke("run", "--shard", "/3", SAMPLE, "out.jsonl")
    invoke("merge", SAMPLE, "out.jsonl")

    assert Path("out.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()
    assert not killed.exists()


def test_merge_refuses_missing_and_unrelated_parts() -> None:
    invoke("run", "--shard", "0/2", SAMPLE, "out.jsonl")
    with pytest.raises(OSError, match=r"missing parts: .*1-of-2"):
        invoke("merge", SAMPLE, "out.jsonl")

    Path("out.jsonl.0123.0-of-8").touch()
    with pytest.raises(InputError, match=r"^out.jsonl.0123.0-of-8 belongs to another input"):
        invoke("merge", SAMPLE, "out.jsonl")


def test_the_input_is_not_overwritten() -> None:
    shutil.copy(SAMPLE, "orders.csv")

    with pytest.raises(BadParameter, match="are the same file"):
        invoke("run", "orders.csv", "orders.csv")