from collections.abc import Iterator

import pytest
from alembic import command
from fastapi.testclient import TestClient
from psycopg import Connection

from my_application.app import create_app
from my_application.migrations import create_config, migrate
from my_application.settings import PREFIX, Settings


@pytest.fixture
def database(postgresql: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create a database of the test's own, on a server that pytest-postgresql starts."""
    for name in ("host", "port", "user"):
        monkeypatch.setenv(f"{PREFIX}DATABASE__{name.upper()}", str(getattr(postgresql.info, name)))
    monkeypatch.setenv(f"{PREFIX}DATABASE__NAME", postgresql.info.dbname)
    migrate()


@pytest.fixture
def client(database: None) -> Iterator[TestClient]:  # noqa: ARG001 - needed
    """Return a client of an application with resources: unlike the usual one, it has `lifespan`."""
    with TestClient(create_app(Settings())) as client:
        yield client


def test_a_customer_is_created_once(client: TestClient) -> None:
    created = client.post("/customers", json={"email": "ann@example.com"})
    again = client.post("/customers", json={"email": "ann@example.com"})

    assert (created.status_code, again.status_code) == (201, 409)
    assert client.get(f"/customers/{created.json()['id']}").json() == created.json()
    assert client.get("/customers/99").status_code == 404


def test_the_service_is_ready_if_the_database_answers(client: TestClient) -> None:
    assert client.get("/readyz").status_code == 200


@pytest.mark.usefixtures("database")
def test_the_migrations_create_what_the_models_say() -> None:
    command.check(create_config())


@pytest.mark.usefixtures("database")
def test_every_revision_can_be_undone() -> None:
    command.downgrade(create_config(), "base")
    migrate()
