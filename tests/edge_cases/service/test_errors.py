from typing import Annotated, Literal

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field
from tests.conftest import ReadLog

from my_application.app import create_app
from my_application.settings import Settings


def test_a_304_is_not_a_problem_and_a_full_disk_is_a_server_error(
    app: FastAPI, client: TestClient
) -> None:
    @app.get("/cached")
    async def answer_cached() -> None:
        raise HTTPException(304)

    @app.get("/full")
    async def fill_disk() -> None:
        raise HTTPException(400, "There was an error parsing the body") from OSError(28, "full")

    @app.get("/upstream")
    async def fail_upstream() -> None:
        raise HTTPException(502) from ConnectionError

    paths = ("/cached", "/full", "/upstream")
    assert [client.get(path).status_code for path in paths] == [304, 500, 502]
    assert client.get("/cached").content == b""


def test_the_headers_of_an_error_are_kept(client: TestClient) -> None:
    assert client.delete("/livez").headers["allow"] == "GET"


def test_pages_of_other_origins_may_use_any_method_and_header() -> None:
    client = TestClient(create_app(Settings(cors_origins=["https://shop.example"])))
    asked = {"method": "DELETE", "headers": "authorization"}
    headers = {f"access-control-request-{name}": value for name, value in asked.items()}

    response = client.options("/livez", headers={"origin": "https://shop.example", **headers})

    assert response.status_code == 200


def test_no_page_may_frame_the_documentation(client: TestClient) -> None:
    assert "frame-ancestors 'none'" in client.get("/docs").headers["content-security-policy"]


def test_the_log_says_why_a_check_failed(
    app: FastAPI, client: TestClient, read_log: ReadLog
) -> None:
    async def check() -> None:
        raise RuntimeError("no connection")

    app.state.readiness_checks["database"] = check
    read_log()

    assert client.get("/readyz").json()["detail"] == "Not ready: database."
    assert read_log()[0]["exception"].endswith("RuntimeError: no connection")


@pytest.mark.parametrize(("path", "location"), [((), ""), (("n", 0), "/n/0")])
def test_a_route_may_refuse_a_value_itself(
    app: FastAPI, client: TestClient, path: tuple[str | int, ...], location: str
) -> None:
    @app.get("/odd")
    async def refuse() -> None:
        raise RequestValidationError([{"loc": path, "msg": "odd", "type": "odd"}])

    assert client.get("/odd").json()["errors"] == [{"location": location, "detail": "odd"}]


def test_the_schema_documents_problems(app: FastAPI) -> None:
    responses = app.openapi()["paths"]["/livez"]["get"]["responses"]

    assert "application/problem+json" in responses["4XX"]["content"]
    assert "application/problem+json" in responses["5XX"]["content"]


def test_an_invalid_tag_of_a_union_is_not_repeated(app: FastAPI, client: TestClient) -> None:
    class Cat(BaseModel):
        kind: Literal["cat"]

    class Dog(BaseModel):
        kind: Literal["dog"]

    @app.post("/pets")
    async def add(pet: Annotated[Cat | Dog, Field(discriminator="kind")]) -> str:
        return pet.kind

    response = client.post("/pets", json={"kind": "hunter2"})

    assert response.json()["errors"] == [
        {"location": "", "detail": "Input should have one of the tags 'cat', 'dog'"}
    ]


def test_a_request_with_many_errors_has_a_short_answer(app: FastAPI, client: TestClient) -> None:
    class Empty(BaseModel, extra="forbid"):
        pass

    @app.post("/empty")
    async def check(_empty: Empty) -> None: ...

    response = client.post("/empty", json={f"key{n}": n for n in range(1000)})

    assert response.status_code == 422
    assert len(response.json()["errors"]) == 100
