import csv
import io
import json
from pathlib import Path

from tests.tiny import TWO, create_predictor

from my_application.model.batch import predict_file


def predict(source: Path, text: str) -> str:
    source.write_text(text)
    target = source.with_name(f"out{source.suffix}")
    predict_file(TWO, create_predictor(TWO), source, target)
    return target.read_text()


def test_names_of_columns_may_have_quotes_delimiters_and_line_breaks(tmp_path: Path) -> None:
    output = predict(tmp_path / "in.csv", '"a;b;c",size,"two\nlines"\n1,99,2\n')

    (row,) = csv.DictReader(io.StringIO(output))
    assert (row["a;b;c"], row["two\nlines"], row["prediction"]) == ("1", "2", "large")


def test_whole_numbers_are_integers_as_pandas_writes_them(tmp_path: Path) -> None:
    output = predict(tmp_path / "in.jsonl", '{"size": 99.0, "count": 2.0}\n')

    assert json.loads(output)["prediction"] == "large"
