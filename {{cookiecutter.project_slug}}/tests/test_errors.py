from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.settings import Settings

ORIGIN = "https://shop.example"


class Thing(BaseModel, extra="forbid"):
    sizes: list[int] = []


@pytest.fixture
def app() -> FastAPI:
    app = create_app(Settings(cors_origins=[ORIGIN]))

    @app.post("/things/{number}")
    async def make_thing(number: int, thing: Thing) -> int:
        return number + len(thing.sizes)

    @app.get("/errors/{name}")
    async def fail(name: str) -> None:
        raise ERRORS[name]

    return app


ERRORS: dict[str, Exception] = {
    "text": HTTPException(404, "There is no such thing.", {"x-reason": "gone"}),
    "members": HTTPException(409, {"code": "taken", "price": Decimal("1.50"), "status": 0}),
    "unknown": HTTPException(499),
    "disconnect": ClientDisconnect(),
    "bug": ZeroDivisionError(),
    "timeout": TimeoutError(),
}


@pytest.mark.parametrize(
    ("name", "status", "expected"),
    [
        ("text", 404, {"title": "Not Found", "detail": "There is no such thing."}),
        ("members", 409, {"title": "Conflict", "code": "taken", "price": "1.50"}),
        ("unknown", 499, {"title": "Error"}),
        ("disconnect", 499, {"detail": "The client disconnected."}),
        ("bug", 500, {"detail": "The service failed; its log has the details."}),
        ("timeout", 500, {}),
    ],
)
def test_errors_are_problem_documents(
    client: TestClient, name: str, status: int, expected: dict[str, Any]
) -> None:
    response = client.get(f"/errors/{name}", headers={"origin": ORIGIN})

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == status
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem == {**problem, **expected}
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert response.headers["access-control-expose-headers"] == "X-Request-ID"


def test_an_error_keeps_its_headers(client: TestClient) -> None:
    assert client.get("/errors/text").headers["x-reason"] == "gone"


@pytest.mark.parametrize(
    ("path", "body", "location"),
    [
        ("/things/x", "{}", "number"),
        ("/things/1", '{"sizes": [1, "hunter2"]}', "/sizes/1"),
        ("/things/1", '{"sizes": [NaN]}', "/sizes/0"),
        ("/things/1", '{"a/b~c": 1}', "/a~1b~0c"),
        ("/things/1", '{"sizes": ', "character 10"),
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


def test_a_full_disk_is_a_failure_of_the_service(app: FastAPI, client: TestClient) -> None:
    @app.get("/disk")
    async def fill(_request: Request) -> None:
        raise HTTPException(400) from OSError(28, "No space left on device")

    assert client.get("/disk").status_code == 500


def test_the_schema_documents_problems(client: TestClient) -> None:
    responses = client.get("/openapi.json").json()["paths"]["/livez"]["get"]["responses"]

    assert "application/problem+json" in responses["4XX"]["content"]
    assert "application/problem+json" in responses["5XX"]["content"]
