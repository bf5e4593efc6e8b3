"""Limits on concurrent requests, and on the time until a response begins."""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }}.errors import problem

UNLIMITED_PATHS = {"/livez", "/readyz", "/metrics"}
_time_limits: dict[Any, float] = {}


def time_limit[F: Callable[..., Any]](seconds: float) -> Callable[[F], F]:
    """Set the time limit of a route: write `@time_limit(300)` below `@router.post(...)`."""

    def register(endpoint: F) -> F:
        _time_limits[endpoint] = seconds
        return endpoint

    return register


@dataclass
class Limits:
    """ASGI middleware that answers 503 and 504 to requests beyond the limits.

    A response that has begun may take any time, as streams do; after SIGTERM, `seconds` more.
    """

    app: ASGIApp
    seconds: float
    concurrent: int
    _running: int = 0
    _streams: set[asyncio.Timeout] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "lifespan" and threading.current_thread() is threading.main_thread():
            self._end_streams_on_sigterm()
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path in UNLIMITED_PATHS:
            await self.app(scope, receive, send)
        elif self._running >= self.concurrent:
            response = problem(503, "Too many concurrent requests.", {"retry-after": "1"})
            await response(scope, receive, send)
        else:
            self._running += 1
            try:
                await self._serve(scope, receive, send)
            finally:
                self._running -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request within its limits."""
        loop, timeout = asyncio.get_running_loop(), asyncio.timeout(None)
        start = loop.time()
        timer: asyncio.Handle

        def check_time() -> None:
            nonlocal timer
            deadline = start + _time_limits.get(scope.get("endpoint"), self.seconds)
            if loop.time() < deadline:
                timer = loop.call_at(deadline, check_time)
            else:
                timeout.reschedule(deadline)

        def observed_send(message: Message) -> Awaitable[None]:
            timer.cancel()
            if message["type"] == "http.response.start":
                self._streams.add(timeout)
            elif not message.get("more_body"):
                self._streams.discard(timeout)
            return send(message)

        # It runs when the request first waits for something: by then it has a route.
        timer = loop.call_soon(check_time)
        try:
            async with timeout:
                await self.app(scope, receive, observed_send)
        except TimeoutError:
            if not timeout.expired():
                raise
            if timeout in self._streams:  # After SIGTERM.
                await send({"type": "http.response.body", "body": b""})
            else:
                await problem(504, "The response took too long.")(scope, receive, send)
        finally:
            timer.cancel()
            self._streams.discard(timeout)

    def _end_streams_on_sigterm(self) -> None:
        """Limit the time of streams, and then let the server handle the signal."""
        loop, server_handler = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

        def end_streams() -> None:
            for timeout in self._streams:
                timeout.reschedule(loop.time() + self.seconds)

        def handle(number: int, frame: Any) -> None:
            loop.call_soon_threadsafe(end_streams)
            if callable(server_handler):
                server_handler(number, frame)

        signal.signal(signal.SIGTERM, handle)
