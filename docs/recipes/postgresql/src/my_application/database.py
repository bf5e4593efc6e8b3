"""The database: its tables, its connections, and a session for each request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from sqlalchemy import URL, Identity
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from my_application.settings import Database


class Base(DeclarativeBase):
    """The base class of all tables."""


class Customer(Base):
    """A customer."""

    __tablename__ = "customers"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


def create_url(database: Database) -> URL:
    """Create the URL for SQLAlchemy, which masks the password when it is printed."""
    return URL.create(
        "postgresql+psycopg",
        database.user,
        database.password.get_secret_value(),
        database.host,
        database.port,
        database.name,
    )


@asynccontextmanager
async def connected(app: FastAPI) -> AsyncIterator[None]:
    """Keep a connection pool for `get_session`; it opens connections when they are needed."""
    engine = create_async_engine(
        create_url(app.state.settings.database),
        pool_pre_ping=True,  # The server may have closed idle connections.
        pool_timeout=5,
        connect_args={"connect_timeout": 3},
        hide_parameters=True,  # Errors are logged.
    )

    async def check_database() -> None:
        async with engine.connect():
            pass

    app.state.engine = engine
    app.state.readiness_checks["database"] = check_database
    try:
        yield
    finally:
        await engine.dispose()


async def get_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Yield a session whose transaction is committed if the route returns, or rolled back."""
    async with AsyncSession(request.app.state.engine) as session, session.begin():
        yield session


# With the scope "function", the response is sent after the commit, not before.
Session = Annotated[AsyncSession, Depends(get_session, scope="function")]
