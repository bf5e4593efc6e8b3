import csv
import json
import sys
from pathlib import Path

import pytest
from tests.tiny import PRICE, TWO, create_predictor

from {{ cookiecutter.package_name }}.model.batch import FileError, predict_file
from {{ cookiecutter.package_name }}.model.features import Schema


def predict(source: Path, schema: Schema = TWO) -> Path:
    target = source.with_name(f"out{source.suffix}")
    predict_file(schema, create_predictor(schema), source, target)
    return target


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_csv_keeps_its_other_columns_and_their_order(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", 'id,Size (cm),note\n007,99,"a,b"\n008,1,NA\n')

    with predict(source).open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert list(rows[0]) == [
        "id", "Size (cm)", "note", "prediction", "probability_small", "probability_large"
    ]  # fmt: skip
    assert [(row["id"], row["note"], row["prediction"]) for row in rows] == [
        ("007", "a,b", "large"),
        ("008", "NA", "small"),
    ]


def test_csv_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "\ufeffGröße;size\r\nx;99\r\n")

    assert predict(source).read_text("utf-8").startswith("Größe,size,prediction,")


def test_json_lines_give_json_lines(tmp_path: Path) -> None:
    source = write(tmp_path / "in.jsonl", '{"size": 50, "id": [1]}\n\n{"size": 1, "id": null}\n')

    rows = [json.loads(line) for line in predict(source, PRICE).read_text().splitlines()]

    assert [row["id"] for row in rows] == [[1], None]
    assert rows[0]["prediction"] == pytest.approx(100, abs=10)


def test_many_rows_are_predicted_in_chunks(tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", "size\n" + "1\n99\n" * 1200)

    lines = predict(source).read_text().splitlines()

    assert len(lines) == 2401
    assert [line.split(",")[1] for line in lines[-2:]] == ["small", "large"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("in.csv", "size\n1\n101\n", "row 2: size: Input should be less than or equal to 100"),
        ("in.csv", "count\n1\n", r"row 1: Size \(cm\): Field required"),
        ("in.csv", "size,size\n1,2\n", "several columns named 'size'"),
        ("in.csv", "size\n1,2\n", "row 1 has more cells than there are columns"),
        ("in.csv", "size,prediction\n1,2\n", "already has a column prediction"),
        ("in.csv", "size\n", "has no rows"),
        ("in.csv", "", "has no rows"),
        ("in.csv", "size,id\n1\n", "row 1 has fewer cells than there are columns"),
        ("in.csv", 'size\n"1\n', "is not valid CSV"),
        ("in.csv", "size,name\n1,Größe\n".encode("latin-1"), "is not valid CSV in UTF-8"),
        ("in.jsonl", '{"size": 1}\n{"size": "1"}\n', "row 2: size: Input should be a valid number"),
        ("in.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("in.jsonl", '{"size": 1}\n\n{\n', "line 3 is not JSON"),
        ("in.xlsx", "", r"must have the same suffix, \.csv or \.jsonl or \.parquet"),
    ],
)
def test_an_invalid_file_leaves_no_output(
    tmp_path: Path, name: str, content: str | bytes, reason: str
) -> None:
    source = write(tmp_path / name, content)

    with pytest.raises(FileError, match=reason):
        predict(source)

    assert list(tmp_path.iterdir()) == [source]


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(FileError, match="poetry add pyarrow"):
        predict(write(tmp_path / "in.parquet", ""))


def test_missing_columns_are_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in.csv", "Size (cm),Count,color,shop,is_new\n1,1,red,a,true\n")

    predict(source)

    assert capsys.readouterr().err == f"Warning: {source} has no count, sold.\n"
