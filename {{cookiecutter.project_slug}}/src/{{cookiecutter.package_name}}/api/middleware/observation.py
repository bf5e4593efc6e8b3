"""What is seen of each request: one log line, the metrics, and an id that both ends know."""

import asyncio
import re
from collections.abc import Awaitable, Iterable
from contextvars import Context
from random import getrandbits
from time import perf_counter
from typing import Any

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }} import logs
from {{ cookiecutter.package_name }}.api import metrics, problems
from {{ cookiecutter.package_name }}.api.lines import Writer

ANSWERED = "status"
"""Where the scope of a request has the status of its answer, once that has begun."""
WELL_FORMED = re.compile(rb"[\w.=+/-]{1,128}", re.ASCII)
# https://www.w3.org/TR/trace-context/#traceparent-header
TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


type Ended = tuple[Scope, int | None, int, float, dict[str, str]]
"""A request, the status and the bytes of its answer, its seconds, and its ids."""


class Observation:
    """Logs and counts every request, and answers 500 where the application fails.

    The request's id is the client's `X-Request-ID` where that is well-formed, and a new one
    otherwise. It stands in the answer and in every log line that is written for the request; so
    does the id of the trace, where the client sends one.
    """

    def __init__(self, app: ASGIApp, write: Writer) -> None:
        """Observe the requests to `app`; `write` writes their lines."""
        self._app = app
        self._write = write
        self._log = structlog.get_logger(__name__)
        self._ended: list[Ended] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = perf_counter()
        bound = ids(scope["headers"])
        own_header = (b"x-request-id", bound["request_id"].encode())
        logs.ids.set(bound)
        status, size = None, 0

        def observed(message: Message) -> Awaitable[None]:
            nonlocal status, size
            if message["type"] == "http.response.start":
                scope[ANSWERED] = status = message["status"]
                message.setdefault("headers", []).append(own_header)
            else:
                size += len(message.get("body", b""))
            return send(message)

        metrics.in_flight[id(scope)] = scope
        try:
            await self._app(scope, receive, observed)
        except Exception:  # noqa: BLE001 - whatever it is, it is logged and answered here
            self._log.exception("request failed")
            if status is None:
                answer = problems.respond(500, "The service failed; its log says more.")
                await answer(scope, receive, observed)
        finally:
            del metrics.in_flight[id(scope)]
            if not self._ended:
                # All that end in this turn of the event loop are noted at once, at half the cost.
                asyncio.get_running_loop().call_soon(self._note, context=Context())
            self._ended.append((scope, status, size, perf_counter() - start, bound))

    def _note(self) -> None:
        ended, self._ended = self._ended, []
        self._write([note(*request) for request in ended])


def note(
    scope: Scope, status: int | None, size: int, seconds: float, bound: dict[str, str]
) -> dict[str, Any]:
    """Count a request; give what its log line says."""
    method, route, client = scope["method"], metrics.route_of(scope), scope.get("client")
    metrics.observe(method, route, status, seconds)
    return {
        "event": "request",
        "method": method,
        "route": route,
        "status": status,
        "ms": round(seconds * 1000, 2),
        "bytes": size,
        "client": client[0] if client else None,
        **bound,
    }


def ids(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Give the `request_id` of a request, and the `trace_id` where it is part of a trace."""
    sent, found = dict(headers), {}
    request_id = sent.get(b"x-request-id")
    if request_id and WELL_FORMED.fullmatch(request_id):
        found["request_id"] = request_id.decode()
    else:
        found["request_id"] = f"{getrandbits(128):032x}"
    if b"traceparent" in sent and (trace := TRACEPARENT.match(sent[b"traceparent"])):
        found["trace_id"] = trace[1].decode()
    return found
