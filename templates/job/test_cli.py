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
