"""The worker, which does the tasks: `python -m my_application.worker`."""

import asyncio

from saq import Worker

from my_application import logs
from my_application.settings import load
from my_application.tasks import TASKS, create_queue


async def work(*, burst: bool = False) -> None:
    """Do tasks until SIGTERM, or until there are none; then finish those that have begun."""
    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    queue = create_queue(settings)
    grace = settings.shutdown_grace_seconds
    worker = Worker(queue, TASKS, burst=burst, dequeue_timeout=1, shutdown_grace_period_s=grace)
    await worker.start()
    await queue.disconnect()


if __name__ == "__main__":
    asyncio.run(work())
