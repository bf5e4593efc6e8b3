"""Timers that cost a request next to nothing, for nearly all of them are cancelled."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

type Waiting = dict[Timer, None]
"""Timers that wait equally long, in the order in which they end."""


@dataclass(eq=False, slots=True)
class Timer:
    """A callback at a time of the event loop."""

    deadline: float
    callback: Callable[[], object]
    among: Waiting = field(repr=False)

    def cancel(self) -> None:
        """Never call back."""
        self.among.pop(self, None)


class SharedTimers:
    """An event loop that uses one of its timers for all that wait equally long."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Be `loop`, but for `call_later`."""
        self._loop = loop
        self._waiting: dict[float, Waiting] = {}

    def __getattr__(self, name: str) -> Any:
        """Give what the event loop has."""
        return getattr(self._loop, name)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Call back in so many seconds, unless the timer is cancelled before."""
        waiting = self._waiting.get(seconds)
        if waiting is None:
            waiting = self._waiting[seconds] = {}
            self._loop.call_later(seconds, self._end, seconds)
        timer = Timer(self._loop.time() + seconds, callback, waiting)
        waiting[timer] = None
        return timer

    def _end(self, seconds: float) -> None:
        """End what has waited so long, and look again when the next will have."""
        waiting = self._waiting[seconds]
        timer = next(iter(waiting), None)
        if timer is None:
            del self._waiting[seconds]
        elif timer.deadline > self._loop.time():
            self._loop.call_at(timer.deadline, self._end, seconds)
        else:
            self._loop.call_soon(self._end, seconds)  # Before the callback, which may fail.
            timer.cancel()
            timer.callback()


@lru_cache(maxsize=1)
def shared(loop: asyncio.AbstractEventLoop) -> SharedTimers:
    """Give the timers that all who run on `loop` share."""
    return SharedTimers(loop)
