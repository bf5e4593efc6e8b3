import json
from pathlib import Path

import pytest
from tests.conftest import PROJECT
from typer.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import app

SAMPLE = str(PROJECT / "data" / "orders.csv")


def invoke(*arguments: str) -> str:
    """Run the command line and return what it prints; raise what it raises."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False, standalone_mode=False).output


def test_the_sample_data_is_priced() -> None:
    line = json.loads(invoke("run", SAMPLE, "out.jsonl"))

    assert (line["event"], line["status"], line["orders"]) == ("done", 0, 5)
    assert len(Path("out.jsonl").read_text().splitlines()) == 5


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