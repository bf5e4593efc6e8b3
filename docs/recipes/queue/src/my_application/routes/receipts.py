"""Receipts."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from saq import Queue

from my_application.tasks import OPTIONS, send_receipt

router = APIRouter(prefix="/receipts", tags=["receipts"])


class ReceiptRequest(BaseModel, extra="forbid"):
    """The order whose receipt is to be sent."""

    order_id: str = Field(pattern=r"^[\w-]{1,64}$", examples=["A-1001"])


@router.post("", status_code=202)
async def request_receipt(receipt: ReceiptRequest, request: Request) -> ReceiptRequest:
    """Accept the request; a worker sends the receipt soon."""
    queue: Queue = request.app.state.queue
    # With a key, a task that waits already is not added again.
    key = f"receipt-{receipt.order_id}"
    await queue.enqueue(send_receipt.__name__, key=key, order_id=receipt.order_id, **OPTIONS)
    return receipt
