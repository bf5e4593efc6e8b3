"""The recipes for databases, on servers of Debian."""

from collections.abc import Iterator

import pytest

from tests.helpers.containers import free_port
from tests.helpers.postgresql import postgresql, write_wrappers
from tests.helpers.recipes import PREFIX, Cook, each_web_api


@pytest.fixture
def conda(cook: Cook) -> Iterator[None]:
    """Have a server for development, as Conda would; stop the one that the page starts."""
    folder = cook.project.path.parent / "conda"
    write_wrappers(folder)
    cook.shell |= {"CONDA_PREFIX": str(folder), "PATH": f"{folder}:{cook.shell['PATH']}"}
    # The usual port may be taken.
    cook.shell["PGPORT"] = cook.shell[f"{PREFIX}DATABASE__PORT"] = str(free_port())
    yield
    cook.paste('pg_ctl --pgdata "$CONDA_PREFIX/var/postgresql" stop || true')


@each_web_api
@pytest.mark.usefixtures("conda")
def test_postgresql(cook: Cook) -> None:
    cook.follow("postgresql")
    server = free_port()
    cook.override(f"""
        services:
          api: &here
            extra_hosts: ["postgres.example.com:host-gateway"]
            environment: {{{PREFIX}DATABASE__PORT: {server}}}
          migrate: *here
    """)
    with postgresql(server, login="PASSWORD") as database:
        cook.follow("postgresql-in-production")
        assert cook.ask("GET", "/customers/1") == (200, {"id": 1, "email": "ann@example.com"})
        status, _ = cook.ask("POST", "/customers", {"email": "ann@example.com"})
        assert status == 409
        database.stop()
        status, problem = cook.ask("GET", "/readyz")
        assert (status, problem["detail"]) == (503, "Not ready: database.")
        database.start()
        assert cook.ask("GET", "/readyz")[0] == 200
        # Its tables are there, and so are the rows.
        cook.paste("make stop start")
        assert cook.ask("GET", "/customers/1")[0] == 200
        cook.paste("make smoke")
