from datetime import date

import numpy as np
import pytest
from pydantic import ValidationError
from tests.tiny import EXAMPLE, THREE, TWO, Features


def test_the_kinds_of_features_are_read() -> None:
    kinds = [feature.kind for feature in TWO.features]
    assert kinds == ["number", "number", "category", "text", "boolean", "date"]


def test_a_row_of_text_is_parsed() -> None:
    row = {"Size (cm)": " 20.5", "count": "3", "color": "red", "shop": "b", "sold": "2026-01-02"}

    assert TWO.parse_text({**row, "size": "small", "is_new": None}) == EXAMPLE
    assert TWO.parse_values({"size": 1, "customer": 17}) == Features(size=1)


@pytest.mark.parametrize("cell", ["", " ", "NA", "nan", "null"])
def test_some_cells_mean_a_missing_value(cell: str) -> None:
    assert vars(TWO.parse_text({"size": "1", "shop": cell, "count": cell}))["shop"] is None
    assert THREE.parse_target({"class": cell}) is None
    with pytest.raises(ValidationError):
        TWO.parse_text({"size": cell})


def test_training_and_prediction_get_the_same_columns() -> None:
    columns = TWO.to_columns([EXAMPLE, Features(size=1)])

    assert {name: array.shape for name, array in columns.items()} == dict.fromkeys(
        TWO.names, (2, 1)
    )
    assert columns["sold"].dtype == columns["is_new"].dtype == np.float32
    assert columns["sold"][0] == (date(2026, 1, 2) - date(1970, 1, 1)).days
    assert np.isnan(columns["count"][1])
    assert columns["shop"].tolist() == [["b"], [""]]
