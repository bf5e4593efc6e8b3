"""A few threads for work that must not hold the event loop up."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any

type Job = Callable[[], None]


class Threads:
    """A bounded number of threads; work waits until one of them is free.

    They do what `loop.run_in_executor` does at half its cost, which is as much as a prediction.
    """

    def __init__(self, count: int) -> None:
        """Start the threads; they end with the process, or after `stop`."""
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._count = count
        for number in range(count):
            Thread(target=self._work, name=f"worker-{number}", daemon=True).start()

    async def run[T](self, function: Callable[..., T], *arguments: object) -> T:
        """Call a function on one of the threads; give what it returns, raise what it raises.

        It finds the context variables of the caller, and so logs with the request's id.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = copy_context()

        def job() -> None:
            try:
                settle = partial(future.set_result, context.run(function, *arguments))
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                settle = partial(future.set_exception, error)
            with suppress(RuntimeError):  # The loop has ended, and nobody waits any more.
                loop.call_soon_threadsafe(_settle, future, settle)

        self._jobs.put(job)
        return await future

    def stop(self) -> None:
        """End each thread when it has done what it is at and what came before."""
        for _ in range(self._count):
            self._jobs.put(None)

    def _work(self) -> None:
        while job := self._jobs.get():
            job()


def _settle(future: asyncio.Future[Any], settle: Job) -> None:
    if not future.done():  # It is when the request was cancelled meanwhile.
        settle()
