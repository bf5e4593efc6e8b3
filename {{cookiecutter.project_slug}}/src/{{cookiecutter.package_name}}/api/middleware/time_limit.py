"""A limit on the time that a request may take."""

import asyncio
from typing import cast

from starlette.types import ASGIApp, Receive, Scope, Send

from {{ cookiecutter.package_name }}.api import problems
from {{ cookiecutter.package_name }}.api.middleware.observation import ANSWERED
from {{ cookiecutter.package_name }}.api.timers import shared

LATE = "The request took too long."
"""The message of a cancellation that comes from here."""


class TimeLimit:
    """Answers 504 where a request takes longer: its body to arrive, or its answer to be made.

    What runs in a thread runs on, for Python cannot stop it, but nobody waits for it any more. An
    answer that has begun is cut off.
    """

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        """Give each request to `app` so many seconds."""
        self._app = app
        self._seconds = seconds
        self._late = f"The request took longer than {seconds:g} s."

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # What `asyncio.timeout` does, at a fraction of its cost.
        task = cast("asyncio.Task[None]", asyncio.current_task())
        timers = shared(asyncio.get_running_loop())
        timer = timers.call_later(self._seconds, lambda: task.cancel(LATE))
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError as error:
            if error.args != (LATE,) or task.uncancel():
                raise
            if scope.get(ANSWERED):
                raise TimeoutError(self._late) from None
            headers = {"connection": "close"}
            await problems.respond(504, self._late, headers=headers)(scope, receive, send)
        finally:
            timer.cancel()
