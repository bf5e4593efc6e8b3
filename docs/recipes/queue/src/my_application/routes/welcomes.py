"""Welcomes for customers."""

from contextlib import suppress

from fastapi import APIRouter, HTTPException, Request
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued

from my_application.database import Customer, Session

router = APIRouter(tags=["customers"])


@router.post("/customers/{customer_id}/welcome", status_code=202)
async def request_welcome(customer_id: int, session: Session, request: Request) -> dict[str, int]:
    """Accept the request; a worker sends the welcome soon."""
    if await session.get(Customer, customer_id) is None:
        raise HTTPException(404, "There is no such customer.")
    queue: App = request.app.state.queue
    # With a lock, a task that waits already is not added again.
    task = queue.configure_task("customers:send_welcome", queueing_lock=f"welcome-{customer_id}")
    with suppress(AlreadyEnqueued):
        await task.defer_async(customer_id=customer_id)
    return {"customer_id": customer_id}
