from pathlib import Path

import numpy as np
import pytest
from tests.tiny import SCHEMAS, TWO, train

from {{ cookiecutter.package_name }}.model.features import Schema

from training.data import DataError, load
from training.report import write_report

HEADER = "id,Size (cm),shop,label\n"
ROWS = "1,10,a,small\n2,90,,large\n" * 20


def write(folder: Path, content: str) -> Path:
    path = folder / "data.csv"
    path.write_text(content, "utf-8")
    return path


def test_data_is_loaded_in_the_format_of_the_model(tmp_path: Path) -> None:
    data = load(TWO, write(tmp_path, f"{HEADER}{ROWS}3,5,a,\n"))

    assert list(data.table.columns) == list(TWO.names)
    assert data.table["shop"].tolist()[:2] == ["a", ""]
    assert np.isnan(data.table["count"]).all()
    assert data.target.tolist()[:2] == [0, 1]
    assert data.skipped == 1


def test_rows_that_the_api_would_refuse_are_listed(tmp_path: Path) -> None:
    wrong = "3,101,a,small\n4,102,a,small\n5,1,a,tiny\n"

    with pytest.raises(DataError) as caught:
        load(TWO, write(tmp_path, f"{HEADER}{ROWS}{wrong}"))

    assert str(caught.value).splitlines()[1:] == [
        "  Size (cm): Input should be less than or equal to 100 (rows: 2, first in row 41: '101')",
        "  label: Input should be 'small' or 'large' (rows: 1, first in row 43: 'tiny')",
    ]


@pytest.mark.parametrize("schema", SCHEMAS.values())
def test_the_report_shows_the_scores_and_figures(schema: Schema, tmp_path: Path) -> None:
    evaluation = train(schema)[0]

    write_report(evaluation, tmp_path / "report.html")

    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<img ") == (5 if schema.labels else 3)
    assert all(name.replace("_", " ") in page for name in evaluation.scores)
    assert "A parcel." in page
