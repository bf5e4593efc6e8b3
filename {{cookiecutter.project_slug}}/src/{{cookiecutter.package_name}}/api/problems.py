"""Every error as a problem document (RFC 9457)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from {{ cookiecutter.package_name }} import logs

MEDIA_TYPE = "application/problem+json"


class Place(BaseModel):
    """One thing that is wrong in a request, and where."""

    place: str
    """A JSON pointer into the body (`/items/0/quantity`), or the name of a parameter."""
    detail: str


class Problem(BaseModel):
    """A problem document; `type` is always `about:blank`, so `title` is the status's phrase."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Place] = []
    request_id: str | None = None
    """The id under which the service's log has this request."""


def _schema() -> dict[str, Any]:
    """The schema of a problem, whole: OpenAPI looks for definitions in another place."""
    schema = Problem.model_json_schema()
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["Place"]
    return schema


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": description, "content": {MEDIA_TYPE: {"schema": _schema()}}}
    for status, description in (
        ("4XX", "The request cannot be served as it is"),
        ("5XX", "The service cannot serve it, or not now"),
    )
}


def install(app: FastAPI) -> None:
    """Make `app` answer every error with a problem document.

    What nobody foresaw is answered by `middleware.observation`.
    """

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        details = error.errors()
        whole = any(detail["loc"] == ("body",) for detail in details)
        if whole and error.body and (wrong := not_json(request)):
            return respond(415, wrong)
        errors = [_place(detail) for detail in details]
        if any(detail["type"] == "json_invalid" for detail in details):
            return respond(400, "The body is not JSON.", errors=errors)
        return respond(422, "The request does not fit the schema.", errors=errors)

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        return respond(error.status_code, error.detail, headers=error.headers)


def not_json(request: Request) -> str | None:
    """Say what a request's body is declared as, where that is not JSON."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json":
        return None
    return f"The body must be application/json; it is {media_type or 'of no type'}."


def respond(
    status: int,
    detail: str,
    *,
    errors: list[Place] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Make the answer for one problem."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=errors or [],
        request_id=logs.ids.get().get("request_id"),
    )
    return JSONResponse(problem.model_dump(), status, headers, MEDIA_TYPE)


def _place(detail: Mapping[str, Any]) -> Place:
    where, *path = detail["loc"]
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
    place = pointer if where == "body" else "/".join(map(str, path))
    return Place(place=place, detail=str(detail["msg"]))
