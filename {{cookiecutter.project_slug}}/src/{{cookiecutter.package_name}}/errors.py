"""Errors as problem documents (RFC 9457)."""

import json
from collections.abc import Callable, Mapping
from http.client import responses
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

MEDIA_TYPE = "application/problem+json"
PARAMETERS = {"cookie", "header", "path", "query"}
MAX_FIELDS = 100
PARSING_FAILED = "There was an error parsing the body"  # FastAPI's message.


class Problem(BaseModel):
    """A problem document, to which an error may add members."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    request_id: str | None = None
    errors: list[dict[str, str]] = []
    """Up to 100 invalid fields: `location` (a JSON pointer, or a parameter's name) and `detail`."""


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": text, "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}}
    for status, text in (("4XX", "The request is invalid"), ("5XX", "The service failed"))
}


def problem(
    status: int,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """Create the response for a problem; `members` are added to the document."""
    title = responses.get(status, "Error")
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    content: dict[str, Any] = {"type": "about:blank", "title": title, "detail": detail or title}
    content |= {**(members or {}), "status": status, "request_id": request_id}
    return Response(json.dumps(content, default=str), status, headers, MEDIA_TYPE)


async def client_disconnected(_request: Request, _error: ClientDisconnect) -> Response:
    """Return a response that nobody receives, with the status that nginx logs in this case."""
    return problem(499, "The client disconnected.")


async def invalid_request(_request: Request, error: RequestValidationError) -> Response:
    """Respond to a request that does not match the schema, without repeating its values."""
    fields = []
    for each in error.errors()[:MAX_FIELDS]:
        path = [str(it).replace("~", "~0").replace("/", "~1") for it in each["loc"]]
        source = path[0] if path else ""
        location = "".join(f"/{part}" for part in path[source == "body" :])
        if source in PARAMETERS:
            location = ".".join(path[1:])
        detail = each["msg"]
        if detail == "JSON decode error":  # FastAPI's own: its location is a number.
            location, detail = "", f"{detail} at character {path[-1]}"
        elif each["type"] == "union_tag_invalid":  # The message would repeat the tag.
            detail = f"Input should have one of the tags {each['ctx']['expected_tags']}"
        fields.append({"location": location, "detail": detail})
    return problem(422, "The request does not match the schema.", members={"errors": fields})


async def http_error(request: Request, error: HTTPException) -> Response:
    """Respond to an HTTPException; a detail that is a dict becomes members of the document."""
    cause = error.__cause__
    if isinstance(cause, ClientDisconnect | OSError) and error.detail == PARSING_FAILED:
        raise cause  # Such as a full disk, for which FastAPI blames the client.
    if error.status_code < 400:  # noqa: PLR2004 - a redirect is not an error
        return await http_exception_handler(request, error)
    detail: Any = error.detail
    members = detail if isinstance(detail, dict) else {"detail": detail}
    return problem(error.status_code, headers=error.headers, members=members)


HANDLERS: dict[int | type[Exception], Callable[..., Any]] = {
    RequestValidationError: invalid_request,
    HTTPException: http_error,
    ClientDisconnect: client_disconnected,
}
