import csv
import json
from pathlib import Path

import orjson
import pytest

from {{ cookiecutter.package_name }}.files import FileError
from {{ cookiecutter.package_name }}.model import batch
from {{ cookiecutter.package_name }}.model.predictor import Predictor
from {{ cookiecutter.package_name }}.model.schema import EXAMPLE, NAMES

OUT = Path("out.jsonl")
WINE = ",".join(str(value) for value in EXAMPLE.values()) + "\n"
HEADER = ",".join(NAMES) + "\n"


def predict(predictor: Predictor, name: str, content: str | bytes) -> list[str]:
    path = Path(name)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    count = batch.predict_file(predictor, path, OUT, on_progress=lambda *_: None)
    labels = [json.loads(line)["label"] for line in OUT.read_text().splitlines()]
    assert len(labels) == count
    return labels


def test_csv_and_json_lines_give_the_same(predictor: Predictor) -> None:
    lines = orjson.dumps(EXAMPLE).decode() + "\n"

    assert predict(predictor, "in.csv", HEADER + WINE * 3) == ["barolo"] * 3
    from_csv = OUT.read_bytes()
    assert predict(predictor, "in.jsonl", f"{lines}\n{lines}{lines}") == ["barolo"] * 3
    assert OUT.read_bytes() == from_csv


def test_a_file_larger_than_one_batch_is_predicted_in_its_order(predictor: Predictor) -> None:
    other = EXAMPLE | {"alcohol": 12.0, "color_intensity": 2.0, "proline": 400}
    with Path("in.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, NAMES)
        writer.writeheader()
        writer.writerows([EXAMPLE] * batch.ROWS + [other])

    labels = predict(predictor, "in.csv", Path("in.csv").read_bytes())

    assert labels == ["barolo"] * batch.ROWS + ["grignolino"]


def test_a_file_without_rows_gives_an_empty_output(predictor: Predictor) -> None:
    assert predict(predictor, "in.csv", HEADER) == []
    assert predict(predictor, "in.ndjson", "") == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.csv", "", "not even a header"),
        ("in.csv", HEADER + WINE + WINE.replace("13.2", "dry"), "line 3: alcohol: .* not a string"),
        ("in.csv", HEADER + WINE.replace("13.2", "1_3"), "line 2: alcohol: .* not a string"),
        ("in.csv", HEADER + WINE.replace("13.2", "nan"), "line 2: alcohol: .* finite"),
        ("in.csv", HEADER + WINE.replace("13.2", "132"), "line 2: alcohol: Must be between"),
        ("in.csv", HEADER + "13.2\n", "line 2: malic_acid: Is missing"),
        ("in.csv", HEADER + WINE.strip() + ",1\n", "line 2: more columns than the header"),
        ("in.csv", HEADER.encode() + b"\xff\n", "not UTF-8"),
        ("in.jsonl", "[1]\n", "line 1: row: Must be an object"),
        ("in.jsonl", "\n{\n", "line 2 is not JSON"),
        ("in.txt", HEADER, "in.txt is neither CSV nor JSON Lines"),
    ],
)
def test_wrong_input_is_refused_with_its_line(
    predictor: Predictor, name: str, content: str | bytes, message: str
) -> None:
    OUT.write_text("kept")

    with pytest.raises(FileError, match=message):
        predict(predictor, name, content)

    assert OUT.read_text() == "kept"
    assert {path.name for path in Path().iterdir()} == {name, "out.jsonl"}
