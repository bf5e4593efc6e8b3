from typing import Any

import pytest
from fastapi.testclient import TestClient

CHAIR = {"article": "chair", "quantity": 4, "unit_price": "49.90"}


def test_an_order_is_priced_with_discount_and_tax(client: TestClient) -> None:
    order = {"items": [CHAIR], "discount_percent": "10", "tax_percent": "19"}

    answer = client.post("/quotes", json=order)

    assert answer.status_code == 200
    assert answer.json() == {
        "net": "199.60",
        "discount": "19.96",
        "tax": "34.13",
        "total": "213.77",
    }


def test_the_example_of_the_documentation_works(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]

    for example in schemas["QuoteRequest"]["examples"]:
        assert client.post("/quotes", json=example).status_code == 200


@pytest.mark.parametrize(
    ("order", "place"),
    [
        ({}, "/items"),
        ({"items": []}, "/items"),
        ({"items": [CHAIR | {"quantity": 0}]}, "/items/0/quantity"),
        ({"items": [CHAIR | {"unit_price": "0.001"}]}, "/items/0/unit_price"),
        ({"items": [CHAIR | {"unit_price": "NaN"}]}, "/items/0/unit_price"),
        ({"items": [CHAIR | {"colour": "red"}]}, "/items/0/colour"),
        ({"items": [CHAIR], "tax_percent": 101}, "/tax_percent"),
    ],
)
def test_a_wrong_order_is_refused_with_its_place(
    client: TestClient, order: dict[str, Any], place: str
) -> None:
    answer = client.post("/quotes", json=order)

    assert answer.status_code == 422
    assert [error["place"] for error in answer.json()["errors"]] == [place]


def test_a_body_that_is_not_json_is_refused(client: TestClient) -> None:
    answer = client.post(
        "/quotes", content=b'{"items": [', headers={"content-type": "application/json"}
    )

    assert answer.status_code == 400
    assert answer.json()["detail"] == "The body is not JSON."


def test_another_content_type_is_refused(client: TestClient) -> None:
    answer = client.post("/quotes", content=b"a,b", headers={"content-type": "text/csv"})

    assert answer.status_code == 415
    assert answer.json()["detail"] == "The body must be application/json; it is text/csv."
