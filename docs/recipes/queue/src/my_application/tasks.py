"""Tasks: work that outlives a request. They wait in PostgreSQL until a worker has done them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI
from procrastinate import App, Blueprint, JobContext, PsycopgConnector, RetryStrategy

from my_application.settings import Database

tasks = Blueprint()
log = structlog.get_logger()


@tasks.task(name="send_welcome", retry=RetryStrategy(max_attempts=8, exponential_wait=2))
async def send_welcome(customer_id: int) -> None:
    """Send a welcome to a customer. It may run twice, if a worker dies in it."""
    log.info("welcome sent", customer_id=customer_id)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="retry_stalled", queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Let another worker do what a dead one had begun."""
    for job in await context.app.job_manager.get_stalled_jobs():
        log.warning("task was stalled", task=job.task_name, job=job.id, at=timestamp)
        await context.app.job_manager.retry_job(job)


def create_queue(database: Database) -> App:
    """Create the queue that the service and its workers share."""
    parameters = {
        "host": database.host,
        "port": database.port,
        "dbname": database.name,
        "user": database.user,
        "password": database.password.get_secret_value(),
        "options": "-c search_path=procrastinate",  # Where its tables are.
    }
    queue = App(connector=PsycopgConnector(kwargs=parameters, min_size=1, max_size=4))
    queue.add_tasks_from(tasks, namespace="customers")
    return queue


@asynccontextmanager
async def queue_opened(app: FastAPI) -> AsyncIterator[None]:
    """Keep the queue for the routes."""
    async with create_queue(app.state.settings.database).open_async() as queue:
        app.state.queue = queue
        yield
