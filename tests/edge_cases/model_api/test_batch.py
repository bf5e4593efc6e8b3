import csv
import io
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import BaseModel
from tests.tiny import PRICE, TWO, create_predictor

from my_application.model.batch import FileError, predict_file
from my_application.model.predictor import ModelInfo


def predict(source: Path, text: str) -> str:
    source.write_text(text)
    target = source.with_name(f"out{source.suffix}")
    predict_file(TWO, create_predictor(TWO), source, target)
    return target.read_text()


def test_column_names_may_have_quotes_delimiters_and_line_breaks(tmp_path: Path) -> None:
    output = predict(tmp_path / "in.csv", '"a;b;c",size,"two\nlines"\n1,99,2\n')

    (row,) = csv.DictReader(io.StringIO(output))
    assert (row["a;b;c"], row["two\nlines"], row["prediction"]) == ("1", "2", "large")


def test_spaces_around_column_names_are_ignored(tmp_path: Path) -> None:
    output = predict(tmp_path / "in.csv", "id, size , count\nA, 99, 2\n")

    assert output.startswith("id,size,count,prediction,")
    assert ",large," in output


def test_a_link_stays_and_the_target_keeps_its_mode(tmp_path: Path) -> None:
    source, target, link = (tmp_path / name for name in ("in.csv", "real.csv", "link.csv"))
    source.write_text("size\n99\n")
    target.touch(mode=0o600)
    link.symlink_to(target)
    leftover = tmp_path / ".real.csv.01234567.partial"
    leftover.touch()

    predict_file(TWO, create_predictor(TWO), source, link)

    assert link.is_symlink()
    assert target.stat().st_mode & 0o77 == 0
    assert "large" in target.read_text()
    assert not leftover.exists()


def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "missing" / "out.csv"

    with pytest.raises(FileError, match=r"There is no directory .*missing\.$"):
        predict_file(TWO, create_predictor(TWO), source, target)


def test_the_input_is_not_replaced(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("size\n99\n")

    with pytest.raises(FileError, match="are the same file"):
        predict_file(TWO, create_predictor(TWO), source, source)

    assert source.read_text() == "size\n99\n"


def test_floats_that_pandas_writes_for_integers_are_accepted(tmp_path: Path) -> None:
    output = predict(tmp_path / "in.jsonl", '{"size": 99.0, "count": 2.0}\n')

    assert json.loads(output)["prediction"] == "large"


def test_half_of_a_surrogate_pair_in_another_column_is_copied(tmp_path: Path) -> None:
    output = predict(tmp_path / "in.jsonl", '{"id": "\\ud800", "size": 99}\n')

    assert json.loads(output)["id"] == "\ud800"


def test_deeply_nested_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="line 1 is not JSON"):
        predict(tmp_path / "in.jsonl", "[" * 100_000)


def test_a_number_beyond_float32_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"in\.csv: the model cannot take a value of count:"):
        predict(tmp_path / "in.csv", f"size,count\n99,{10**40}\n")


class BrokenPredictor:
    info = ModelInfo("broken", "0", {})

    def predict(self, instances: Sequence[BaseModel]) -> NDArray[np.float32]:
        if len(instances) == 1:
            raise ValueError("Input X contains NaN.")
        return np.full(len(instances), np.inf, np.float32)


def test_a_failure_of_the_model_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("size,count\n99,2\n99,2\n")
    with pytest.raises(FileError, match=r"in\.csv: the model does not predict finite numbers"):
        predict_file(PRICE, BrokenPredictor(), source, target)

    source.write_text("size,count\n99,2\n")
    with pytest.raises(ValueError, match=r"^Input X contains NaN\.$"):
        predict_file(PRICE, BrokenPredictor(), source, target)


def test_progress_is_shown_in_a_terminal_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "size,count,color,shop,is_new,sold\n1,,,,,\n"

    monkeypatch.setenv("FORCE_COLOR", "1")  # As CI often has it.
    predict(tmp_path / "in.csv", text)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    predict(tmp_path / "in.csv", text)
    assert "in.csv" in capsys.readouterr().err
