import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.environment import PREFIX

SAMPLE = Path(__file__).parents[1] / "data" / "orders.csv"


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_the_version_is_shown() -> None:
    assert invoke("--version") == (0, f"{__version__}\n")


def test_the_sample_data_is_priced() -> None:
    status, output = invoke("run", str(SAMPLE), "orders.jsonl")

    assert status == 0
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["orders"], last["total"]) == ("job done", 5, "1487.27")
    assert len(Path("orders.jsonl").read_text().splitlines()) == 5


def test_wrong_input_ends_the_command_with_1_and_a_reason() -> None:
    Path("orders.csv").write_text("order_id,quantity,unit_price,discount_percent\nA,0,1,0\n")

    status, output = invoke("run", "orders.csv", "orders.jsonl")

    assert status == 1
    assert "line 2: quantity: Input should be greater than or equal to 1" in output
    assert not Path("orders.jsonl").exists()


def test_a_wrong_setting_ends_the_command_with_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}MAX_ERRORS", "many")

    status, output = invoke("run", str(SAMPLE), "orders.jsonl")

    assert status == 2
    assert f"{PREFIX}MAX_ERRORS: Input should be a valid integer" in output


def test_the_shards_of_an_input_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    invoke("run", str(SAMPLE), "whole.jsonl")

    first = invoke("run", "--shard", "0/2", str(SAMPLE), "orders.jsonl")
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    second = invoke("run", "--shard", "/2", str(SAMPLE), "orders.jsonl")
    status, output = invoke("merge", str(SAMPLE), "orders.jsonl")

    assert (first[0], second[0], status) == (0, 0, 0)
    assert json.loads(second[1].splitlines()[-1])["target"] == "orders.jsonl.1-of-2"
    last = json.loads(output.splitlines()[-1])
    assert (last["event"], last["orders"], last["total"]) == ("shards merged", 5, "1487.27")
    assert Path("orders.jsonl").read_bytes() == Path("whole.jsonl").read_bytes()


def test_a_shard_out_of_range_ends_the_command_with_2() -> None:
    status, output = invoke("run", "--shard", "2/2", str(SAMPLE), "orders.jsonl")

    assert status == 2
    assert "2/2 is out of range" in output
    assert not list(Path().iterdir())


def test_a_merge_without_shards_ends_the_command_with_1() -> None:
    status, output = invoke("merge", str(SAMPLE), "orders.jsonl")

    assert status == 1
    assert "There are no shards." in output
    assert not list(Path().iterdir())
