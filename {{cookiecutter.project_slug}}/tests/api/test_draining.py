import asyncio
import os
import signal
import sys

import pytest
from fastapi import FastAPI

from {{ cookiecutter.package_name }}.api import draining
from {{ cookiecutter.package_name }}.settings import Settings


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to handle")
def test_sigterm_shows_at_once_and_stops_the_server_later(app: FastAPI) -> None:
    app.state.settings = Settings(port=9)  # Nobody listens there, so nobody is waited for.
    app.state.readiness.clear("service")
    stopped = asyncio.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: stopped.set())

    async def stop() -> str | None:
        async with draining.part(app):
            os.kill(os.getpid(), signal.SIGTERM)
            reason: str | None = app.state.readiness.reason
            await asyncio.wait_for(stopped.wait(), 10)
        return reason

    try:
        assert asyncio.run(stop()) == "service: It is stopping."
    finally:
        signal.signal(signal.SIGTERM, before)
