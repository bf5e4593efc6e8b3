"""Limits on concurrent requests, and on the time until a response begins."""

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isasyncgenfunction, iscoroutinefunction, unwrap
from typing import Any

import structlog
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
        _time_limits[unwrap(endpoint)] = seconds
        return endpoint

    return register


def add_limits(app: FastAPI) -> None:
    """Add the limits, and check that the grace period exceeds the time limit of every route."""
    settings: Settings = app.state.settings
    for endpoint, seconds in _time_limits.items():
        if seconds >= settings.shutdown_grace_seconds:
            variable, route = f"{PREFIX}SHUTDOWN_GRACE_SECONDS", endpoint.__qualname__
            limit = f"the time limit of {route}, which is {seconds:g}"
            raise SettingsError(f"Invalid settings:\n  {variable} must exceed {limit}")
    app.add_middleware(
        Limits,
        seconds=settings.request_timeout_seconds,
        concurrent=settings.max_concurrent_requests,
    )


class Deadline:
    """A timer that interrupts a request if its response has not begun in time."""

    def __init__(self, scope: Scope, seconds: float) -> None:
        """Start the timer of a request, whose route may have another limit than `seconds`."""
        self.timeout = asyncio.timeout(None)
        self._scope, self._seconds = scope, seconds
        loop = asyncio.get_running_loop()
        self._start = loop.time()
        # When the shortest limit has passed, the request has been routed.
        shortest = min([seconds, *_time_limits.values()])
        self.timer = loop.call_later(shortest, self._start_timeout)

    def _start_timeout(self) -> None:
        endpoint: Any = self._scope.get("endpoint")
        # Others may run in a thread, which cannot be interrupted.
        if iscoroutinefunction(endpoint) or isasyncgenfunction(endpoint):
            seconds = _time_limits.get(unwrap(endpoint), self._seconds)  # It may be decorated.
            self.timeout.reschedule(self._start + seconds)


class Limits:
    """ASGI middleware that responds with 503 or 504 to requests that exceed the limits.

    The limits apply until the response begins; streams may take any time. When the server stops, it
    cancels the streams that outlast its grace period, and this middleware ends them.
    """

    def __init__(self, app: ASGIApp, seconds: float, concurrent: int) -> None:
        """Limit requests to `app`."""
        self._app, self._seconds, self._concurrent = app, seconds, concurrent
        self._waiting: set[Deadline] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
        elif len(self._waiting) >= self._concurrent:
            response = problem(503, "Too many concurrent requests.", {"retry-after": "1"})
            await response(scope, receive, send)
        else:
            deadline = Deadline(scope, self._seconds)
            self._waiting.add(deadline)
            try:
                await self._serve(deadline, scope, receive, send)
                if deadline.timeout.expired():
                    await problem(504, "The response took too long.")(scope, receive, send)
            finally:
                deadline.timer.cancel()
                self._waiting.discard(deadline)

    async def _serve(self, deadline: Deadline, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request until its deadline."""
        is_streaming = False

        def observed_send(message: Message) -> Awaitable[None]:
            nonlocal is_streaming
            if deadline.timeout.expired():
                return asyncio.sleep(0)  # Let the pending cancellation be raised.
            if message["type"] == "http.response.start":
                deadline.timer.cancel()
                deadline.timeout.reschedule(None)  # It may be due, but not yet expired.
                self._waiting.discard(deadline)
                is_streaming = b"content-length" not in dict(message.get("headers", ()))
            elif not message.get("more_body"):
                is_streaming = False  # Only background tasks remain.
            return send(message)

        try:
            async with deadline.timeout:
                await self._app(scope, receive, observed_send)
        except TimeoutError:
            if not deadline.timeout.expired():
                raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if not task or not task.cancelling():
                raise RuntimeError("The request awaited something that was cancelled.") from error
            log.warning("request ended early because the service is stopping")
            if not is_streaming:
                raise
            await send({"type": "http.response.body"})
