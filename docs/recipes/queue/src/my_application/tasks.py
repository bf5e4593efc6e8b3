"""Tasks: work that outlives a request. They are queued in PostgreSQL until a worker runs them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

from my_application.settings import Database

queue = App(connector=PsycopgConnector())
log = structlog.get_logger()


@queue.task(name="send_welcome", retry=RetryStrategy(max_attempts=8, exponential_wait=2))
async def send_welcome(customer_id: int) -> None:
    """Send a welcome to a customer. The task may run twice, if a worker dies during it."""
    log.info("welcome sent", customer_id=customer_id)


@queue.periodic(cron="* * * * *")
@queue.task(name="retry_stalled", queueing_lock="retry_stalled", pass_context=True)
async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Let another worker repeat the tasks that a dead worker had started."""
    for job in await context.app.job_manager.get_stalled_jobs():
        log.warning("task was stalled", task=job.task_name, job=job.id, at=timestamp)
        await context.app.job_manager.retry_job(job)


@asynccontextmanager
async def queue_opened(database: Database) -> AsyncIterator[App]:
    """Connect the queue, in the service or in a worker."""
    parameters = {
        "host": database.host,
        "port": database.port,
        "dbname": database.name,
        "user": database.user,
        "password": database.password.get_secret_value(),
        "options": "-c search_path=procrastinate",  # Where its tables are.
    }
    connector = PsycopgConnector(kwargs=parameters, min_size=1, max_size=4)
    with queue.replace_connector(connector):
        async with queue.open_async():
            yield queue
