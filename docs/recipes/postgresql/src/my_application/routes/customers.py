"""Customers."""

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field
from sqlalchemy.exc import IntegrityError

from my_application.database import Customer, Session

router = APIRouter(prefix="/customers", tags=["customers"])


class NewCustomer(BaseModel, extra="forbid"):
    """The data of a new customer."""

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254, examples=["ann@example.com"])


class CustomerResponse(BaseModel, from_attributes=True):
    """A customer."""

    id: int
    email: str


@router.post("", status_code=201)
async def create_customer(new: NewCustomer, session: Session) -> CustomerResponse:
    """Create a customer."""
    customer = Customer(email=new.email)
    session.add(customer)
    try:
        await session.flush()
    except IntegrityError:
        raise HTTPException(409, "There is a customer with this e-mail address.") from None
    return CustomerResponse.model_validate(customer)


@router.get("/{customer_id}")
async def get_customer(customer_id: int, session: Session) -> CustomerResponse:
    """Return a customer."""
    customer = await session.get(Customer, customer_id)
    if customer is None:
        raise HTTPException(404, "There is no such customer.")
    return CustomerResponse.model_validate(customer)
