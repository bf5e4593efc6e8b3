"""Tasks: work that outlives a request. They wait in Redis until a worker has done them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from saq import Queue
from saq.types import Context

from my_application.settings import Settings

# A task that fails is tried again, after 1, 2, 4, ... seconds.
OPTIONS = {"timeout": 60, "retries": 8, "retry_delay": 1, "retry_backoff": True}

log = structlog.get_logger()


def create_queue(settings: Settings) -> Queue:
    """Create the queue that the service and its workers share."""
    return Queue.from_url(settings.redis_url.get_secret_value(), name="my-application")


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """Keep the queue for the routes, and let readiness depend on it."""
    queue = create_queue(app.state.settings)

    async def check_queue() -> None:
        await queue.count("queued")

    app.state.queue = queue
    app.state.readiness_checks["queue"] = check_queue
    try:
        yield
    finally:
        await queue.disconnect()


async def send_receipt(_context: Context, *, order_id: str) -> None:
    """Send the receipt of an order."""
    log.info("receipt sent", order_id=order_id)


TASKS = [send_receipt]
