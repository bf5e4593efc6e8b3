from typing import Any

import pytest
from fastapi.testclient import TestClient

CHAIRS = {"article": "chair", "quantity": 4, "unit_price": "49.90"}


def test_a_quote_adds_up_the_items(client: TestClient) -> None:
    lamp = {"article": "lamp", "quantity": 1, "unit_price": "0.40"}

    response = client.post("/quotes", json={"items": [CHAIRS, lamp]})

    assert response.status_code == 200
    assert response.json() == {"total": "200.00"}


@pytest.mark.parametrize(
    ("change", "location"),
    [
        ({"quantity": 0}, "/items/0/quantity"),
        ({"unit_price": "1.005"}, "/items/0/unit_price"),
        ({"unit_price": 49.9}, "/items/0/unit_price"),
        ({"color": "red"}, "/items/0/color"),
    ],
)
def test_an_invalid_item_is_refused(
    client: TestClient, change: dict[str, Any], location: str
) -> None:
    response = client.post("/quotes", json={"items": [CHAIRS | change]})

    assert response.status_code == 422
    assert response.json()["errors"][0]["location"] == location
