"""Limits on concurrent requests, and on the time until a response begins."""

import asyncio
import math
import signal
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from anyio import CancelScope
from anyio.lowlevel import checkpoint
from fastapi import FastAPI
from pydantic_settings import SettingsError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }}.errors import problem
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings

UNLIMITED_PATHS = {"/livez", "/readyz", "/metrics"}
log = structlog.get_logger()
_time_limits: dict[Any, float] = {}


def time_limit[F: Callable[..., Any]](seconds: float) -> Callable[[F], F]:
    """Set the time limit of a route: write `@time_limit(300)` below `@router.post(...)`."""

    def register(endpoint: F) -> F:
        _time_limits[endpoint] = seconds
        return endpoint

    return register


def add_limits(app: FastAPI) -> None:
    """Limit requests. The grace period must suffice for every route."""
    settings: Settings = app.state.settings
    if max(_time_limits.values(), default=0) >= settings.shutdown_grace_seconds:
        raise SettingsError(f"{PREFIX}SHUTDOWN_GRACE_SECONDS must exceed every route's time limit")
    limits = settings.request_timeout_seconds, settings.max_concurrent_requests
    app.add_middleware(Limits, *limits)


class Limits:
    """ASGI middleware that answers 503 and 504 to requests beyond the limits.

    The limits hold until the response begins; streams may take any time. After SIGTERM, `seconds`
    are left to them.
    """

    def __init__(self, app: ASGIApp, seconds: float, concurrent: int) -> None:
        """Limit requests to `app`."""
        self._app, self._seconds, self._concurrent = app, seconds, concurrent
        self._waiting: set[CancelScope] = set()
        self._responding: set[CancelScope] = set()
        self._end = math.inf

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan" and threading.current_thread() is threading.main_thread():
            self._handle_sigterm()
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
        elif len(self._waiting) >= self._concurrent:
            response = problem(503, "Too many concurrent requests.", {"retry-after": "1"})
            await response(scope, receive, send)
        else:
            cancel_scope = CancelScope()
            self._waiting.add(cancel_scope)
            try:
                await self._serve(cancel_scope, scope, receive, send)
            finally:
                self._waiting.discard(cancel_scope)
                self._responding.discard(cancel_scope)

    async def _serve(
        self, cancel_scope: CancelScope, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Serve a request within its time.

        A cancel scope does not abandon threads: an endpoint without `async` is answered when it
        returns, so that its thread is not lost to the limits.
        """
        loop = asyncio.get_running_loop()
        start = loop.time()
        timer: asyncio.Handle

        def check_time() -> None:
            nonlocal timer
            deadline = start + _time_limits.get(scope.get("endpoint"), self._seconds)
            if loop.time() >= deadline:
                cancel_scope.cancel()
            else:  # The limit may change until the request has a route.
                soon = deadline if "endpoint" in scope else min(deadline, loop.time() + 0.1)
                timer = loop.call_at(soon, check_time)

        def observed_send(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                if cancel_scope.cancel_called:
                    return checkpoint()  # It raises the cancellation.
                timer.cancel()
                self._waiting.discard(cancel_scope)
                self._responding.add(cancel_scope)
                cancel_scope.deadline = self._end
            elif not message.get("more_body"):
                self._responding.discard(cancel_scope)
            return send(message)

        timer = loop.call_soon(check_time)  # At the first `await`, most requests have a route.
        try:
            with cancel_scope:
                await self._app(scope, receive, observed_send)
            if cancel_scope.cancelled_caught and cancel_scope in self._waiting:
                await problem(504, "The response took too long.")(scope, receive, send)
            elif cancel_scope.cancelled_caught and cancel_scope in self._responding:
                log.warning("response ended early, because the service stops")
                await send({"type": "http.response.body"})
        finally:
            timer.cancel()

    def _handle_sigterm(self) -> None:
        """Limit the time of responses that have begun, and let the server handle the signal."""
        loop, server_handler = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def end_responses() -> None:
            self._end = loop.time() + self._seconds
            for cancel_scope in self._responding:
                cancel_scope.deadline = self._end

        def handle(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(end_responses)
            if callable(server_handler):
                server_handler(number, frame)

        signal.signal(signal.SIGTERM, handle)
