"""Run migrations for Alembic, on the database of the settings."""

from alembic import context
from sqlalchemy import NullPool, create_engine, text

from my_application.database import Base, create_url
from my_application.settings import load

url = create_url(load().database)
engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
with engine.begin() as connection:
    # If several containers start at once, one migrates and the others wait.
    connection.execute(text("SELECT pg_advisory_xact_lock(20261126)"))
    context.configure(connection, target_metadata=Base.metadata)
    context.run_migrations()
