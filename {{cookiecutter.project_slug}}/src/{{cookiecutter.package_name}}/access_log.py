"""Request IDs, and one log line for each request."""

import logging
import re
import secrets
from asyncio import CancelledError
from collections.abc import Awaitable
from dataclasses import dataclass
from time import perf_counter

import structlog
from opentelemetry.trace import format_trace_id, get_current_span
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }}.errors import problem
from {{ cookiecutter.package_name }}.routes import route_path

REQUEST_ID = re.compile(rb"[\w.=+/-]{1,128}", re.ASCII)
# https://www.w3.org/TR/trace-context/#traceparent-header
TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-")
STARTS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
log = structlog.get_logger()


@dataclass
class AccessLog:
    """ASGI middleware that adds request IDs, logs each request, and answers failures with 500.

    The ID is the client's `X-Request-ID`, or a new one. It is in the response and in every log
    line of the request, as is the trace ID if the service sends traces or the client sends a
    `traceparent`. The duration is the time until the response ends, without background tasks.
    `app.state.request_observers` are called with the scope, the status and the duration in seconds
    of each request.
    """

    app: ASGIApp

    def __post_init__(self) -> None:
        """Leave out the lines of Uvicorn's log that repeat those of this class."""
        logging.getLogger("uvicorn.error").addFilter(is_needed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        app, request_id = scope["app"], bind_ids(dict(scope["headers"]))
        status: int | None = None
        start = end = perf_counter()

        def observed_send(message: Message) -> Awaitable[None]:
            nonlocal status, end
            end = perf_counter()
            if message["type"] == "websocket.close":
                status = status or 403
            elif message["type"] in STARTS:
                status = message.get("status", 101)
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id)]
            return send(message)

        try:
            await self.app(scope, receive, observed_send)
        except Exception:
            if status or scope["type"] == "websocket":
                raise  # The server logs it and closes the connection.
            # Error trackers listen to the standard library's log.
            logging.getLogger(__name__).exception("unhandled exception")
            response = problem(500, "The service failed; its log has the details.")
            await response(scope, receive, observed_send)
        finally:
            for observe in app.state.request_observers:
                observe(scope, status, end - start)
            log.info(
                "request",
                method=scope.get("method", "WEBSOCKET"),
                route=route_path(scope),
                status=status,
                duration_ms=round((end - start) * 1000, 2),
                client=scope["client"][0] if scope.get("client") else None,
            )


def is_needed(line: logging.LogRecord) -> bool:
    """Return False for the lines of Uvicorn's log that repeat our own."""
    error = line.exc_info[0] if line.exc_info else None
    # Uvicorn's lines for WebSockets contain their URLs, which may be secret.
    return error is not CancelledError and not str(line.msg).startswith(('%s - "WebSo', "Cancel "))


def bind_ids(headers: dict[bytes, bytes]) -> bytes:
    """Add the request ID and the trace ID to all log lines of a request; return the request ID."""
    request_id = headers.get(b"x-request-id", b"")
    if not REQUEST_ID.fullmatch(request_id):
        request_id = secrets.token_hex(16).encode()
    structlog.contextvars.clear_contextvars()  # Inherited from the connection's last request.
    structlog.contextvars.bind_contextvars(request_id=request_id.decode())
    sent = TRACEPARENT.match(headers.get(b"traceparent", b""))
    span = get_current_span().get_span_context()  # FastAPI's; invalid without tracing.
    if span.is_valid or sent:
        trace_id = sent[1].decode() if sent else format_trace_id(span.trace_id)
        structlog.contextvars.bind_contextvars(trace_id=trace_id)
    return request_id
