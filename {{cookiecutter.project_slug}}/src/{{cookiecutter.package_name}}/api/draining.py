"""Leaving the load balancer before leaving: what SIGTERM does first."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from types import FrameType

from fastapi import FastAPI

from {{ cookiecutter.package_name }}.api import probe
from {{ cookiecutter.package_name }}.api.settings import ApiSettings

QUEUE_SECONDS = 5
"""How long connections that are not accepted yet may delay the end."""


@asynccontextmanager
async def part(app: FastAPI) -> AsyncIterator[None]:
    """On SIGTERM, say on `/readyz` at once that the service stops; stop it `drain_seconds` later.

    Until then new connections are taken, so that nobody is refused who has not heard of it yet.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread hears signals; a test may run the service in another one.
        return
    stop = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def drain(number: int, frame: FrameType | None) -> None:
        app.state.readiness.block("service", "It is stopping.")
        if callable(stop):
            leaving = leave(app.state.settings, partial(stop, number, frame))
            asyncio.run_coroutine_threadsafe(leaving, loop)

    signal.signal(signal.SIGTERM, drain)
    yield
    signal.signal(signal.SIGTERM, stop)


async def leave(settings: ApiSettings, stop: Callable[[], object]) -> None:
    """Stop after `drain_seconds`, when every connection that is made by then has been accepted.

    Closing the listening socket would reset those that a busy service has not accepted yet, with
    the requests that they have sent. They stand in line, so a last one shows when it is its turn.
    """
    await asyncio.sleep(settings.drain_seconds)
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(QUEUE_SECONDS):
            host = probe.reachable(settings.host)
            reader, writer = await asyncio.open_connection(host, settings.port)
            writer.write(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            await reader.read()
            writer.close()
    stop()
