from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel, Json
from starlette.requests import ClientDisconnect
from tests.conftest import first_router

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

ORIGIN = "https://shop.example"


class Thing(BaseModel, extra="forbid"):
    sizes: list[int] = []
    numbers: Json[list[int]] = []


@pytest.fixture
def app() -> FastAPI:
    app = create_app(Settings(cors_origins=[ORIGIN]))

    @first_router(app).post("/things/{number}")
    async def make_thing(number: int, thing: Thing) -> int:
        return number + len(thing.sizes)

    return app


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [
        (HTTPException(404, "There is no such thing."), 404, {"detail": "There is no such thing."}),
        (HTTPException(409, {"code": "taken", "price": Decimal("1.5")}), 409, {"code": "taken"}),
        (HTTPException(499), 499, {"title": "Error"}),
        (ClientDisconnect(), 499, {"detail": "The client disconnected."}),
    ],
)
def test_errors_are_problem_documents(
    app: FastAPI, client: TestClient, error: Exception, status: int, expected: dict[str, Any]
) -> None:
    @first_router(app).get("/error")
    async def fail() -> None:
        raise error

    response = client.get("/error", headers={"origin": ORIGIN})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers.get("x-request-id")
    assert problem == {**problem, **expected}
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-expose-headers"] == "X-Request-ID"


@pytest.mark.parametrize(
    ("path", "body", "location"),
    [
        ("/things/x", "{}", "number"),
        ("/things/1", '{"sizes": [1, "hunter2"]}', "/sizes/1"),
        ("/things/1", '{"sizes": [NaN]}', "/sizes/0"),
        ("/things/1", '{"a/b~c": 1}', "/a~1b~0c"),
        ("/things/1", '{"sizes": ', ""),
        ("/things/1", '{"numbers": "[1,"}', "/numbers"),
        ("/things/1", "", ""),
    ],
)
def test_invalid_requests_are_located_and_not_repeated(
    client: TestClient, path: str, body: str, location: str
) -> None:
    response = client.post(path, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 422
    (error,) = response.json()["errors"]
    assert error["location"] == location
    assert "hunter2" not in response.text
