import json
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.cli import app
from {{ cookiecutter.package_name }}.environment import PREFIX
from {{ cookiecutter.package_name }}.model.schema import EXAMPLE


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_the_version_is_shown() -> None:
    assert invoke("--version") == (0, f"{__version__}\n")


def test_the_command_line_starts_without_the_model_and_what_trains_it() -> None:
    code = "import sys, {{ cookiecutter.package_name }}.cli; print(*sys.modules)"
    command = [sys.executable, "-c", code]

    modules = subprocess.check_output(command, text=True).split()  # noqa: S603 - no input

    assert not {"sklearn", "onnxruntime", "numpy", "fastapi"} & set(modules)


def test_a_file_is_predicted() -> None:
    Path("wine.jsonl").write_bytes(orjson.dumps(EXAMPLE) + b"\n")

    status, output = invoke("predict", "wine.jsonl")

    assert status == 0
    assert json.loads(output.splitlines()[-1])["rows"] == 1
    answer = json.loads(Path("wine.jsonl.predictions.jsonl").read_text())
    assert answer["label"] == "barolo"


def test_a_wrong_row_ends_the_command_with_1_and_its_line() -> None:
    Path("wine.jsonl").write_bytes(orjson.dumps(EXAMPLE | {"hue": -1}))

    status, output = invoke("predict", "wine.jsonl", "--output", "out.jsonl")

    assert status == 1
    assert "line 1: hue: Must be between 0 and 5" in output
    assert not Path("out.jsonl").exists()


def test_a_wrong_model_ends_the_command_with_1(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}MODEL_PATH", "no.onnx")

    status, output = invoke("predict", "wine.jsonl")

    assert status == 1
    assert "no.onnx cannot be read: No such file" in output


def test_training_writes_the_model_and_its_report() -> None:
    Path("new").mkdir()

    status, output = invoke("train", "--folder", "new")

    assert status == 0
    assert json.loads(output.splitlines()[-1])["event"] == "model trained"
    written = {path.name for path in Path("new").iterdir()}
    assert written == {"metrics.json", "model.onnx", "report.html", "report.png"}


def test_training_into_no_folder_ends_with_1() -> None:
    status, output = invoke("train", "--folder", "nowhere")

    assert status == 1
    assert "no such folder" in output


def test_training_without_its_dependencies_names_the_remedy() -> None:
    cli = "from {{ cookiecutter.package_name }}.cli import app"
    code = f"import sys; sys.modules['matplotlib'] = None; {cli}; app()"
    command = [sys.executable, "-c", code, "train", "--folder", "."]

    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no input

    assert result.returncode == 1
    line = json.loads(result.stdout)
    assert line["missing"] == "matplotlib"
    assert line["event"].endswith("poetry sync")
    assert not list(Path().iterdir())
