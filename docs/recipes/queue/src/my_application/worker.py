"""The worker, which runs the tasks: `python -m my_application.worker`."""

import asyncio

from my_application import logs
from my_application.settings import load
from my_application.tasks import queue_opened


async def work(*, wait: bool = True) -> None:
    """Run tasks until SIGTERM, or until there are none; then finish those that have started."""
    settings = load()
    logs.configure(settings.log_level, settings.log_format)
    async with queue_opened(settings.database) as queue:
        await queue.run_worker_async(
            wait=wait,
            concurrency=10,
            shutdown_graceful_timeout=settings.shutdown_grace_seconds,
            delete_jobs="successful",
            install_signal_handlers=wait,
        )


if __name__ == "__main__":
    asyncio.run(work())
