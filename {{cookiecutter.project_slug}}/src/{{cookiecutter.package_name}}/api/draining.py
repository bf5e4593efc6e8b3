"""Leaving the load balancer before leaving: what SIGTERM does first."""

import asyncio
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

from fastapi import FastAPI


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
            loop.call_soon_threadsafe(
                loop.call_later, app.state.settings.drain_seconds, stop, number, frame
            )

    signal.signal(signal.SIGTERM, drain)
    yield
    signal.signal(signal.SIGTERM, stop)
