"""Welcomes for customers."""

from contextlib import suppress

from fastapi import APIRouter, HTTPException
from procrastinate.exceptions import AlreadyEnqueued

from my_application.database import Customer, Session
from my_application.tasks import send_welcome

router = APIRouter(tags=["customers"])


@router.post("/customers/{customer_id}/welcome", status_code=202)
async def request_welcome(customer_id: int, session: Session) -> dict[str, int]:
    """Queue a welcome, which a worker sends soon."""
    if await session.get(Customer, customer_id) is None:
        raise HTTPException(404, "There is no such customer.")
    # With a lock, a task that is already queued is not added again.
    task = send_welcome.configure(queueing_lock=f"welcome-{customer_id}")
    with suppress(AlreadyEnqueued):
        await task.defer_async(customer_id=customer_id)
    return {"customer_id": customer_id}
