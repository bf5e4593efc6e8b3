"""The recipes for databases, on servers of Debian."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

import pytest

from tests.helpers.containers import free_port
from tests.helpers.harness import run
from tests.helpers.postgresql import PostgreSQL, postgresql, write_wrappers
from tests.helpers.recipes import PREFIX, RecipeProject, each_job, each_web_api

# Writes rows whose columns take 500 MB of memory.
LARGE = """
import polars as pl
index = pl.int_range(5_000_000)
columns = {"order_id": "A-" + index.cast(str), "quantity": index % 9 + 1, "unit_price": index / 7}
orders = pl.select(**columns, discount_percent=index % 7, note=index.cast(str).str.zfill(90))
orders.write_parquet("data/orders.parquet")
"""


@pytest.fixture
def conda(project: RecipeProject) -> Iterator[None]:
    """Provide a development server as Conda does; stop the one that the page starts."""
    folder = project.baked.path.parent / "conda"
    write_wrappers(folder)
    project.shell |= {"CONDA_PREFIX": str(folder), "PATH": f"{folder}:{project.shell['PATH']}"}
    project.shell["PGPORT"] = str(free_port())  # The default one may be taken.
    yield
    project.paste('pg_ctl --pgdata "$CONDA_PREFIX/var/postgresql" stop || true')


@each_web_api
@pytest.mark.usefixtures("conda")
def test_rows_outlive_the_service_and_readiness_follows_the_database(
    project: RecipeProject,
) -> None:
    project.shell[f"{PREFIX}DATABASE__PORT"] = project.shell["PGPORT"]
    project.follow("postgresql")
    with in_production(project) as database:
        project.follow("postgresql-in-production")
        customer = {"id": 1, "email": "ann@example.com"}
        assert project.request("GET", "/customers/1") == (200, customer)
        assert project.request("POST", "/customers", {"email": "ann@example.com"})[0] == 409
        database.stop()
        status, problem = project.request("GET", "/readyz")
        assert (status, problem["detail"]) == (503, "Not ready: database.")
        database.start()
        assert project.request("GET", "/readyz")[0] == 200
        # The tables and the rows exist already.
        project.paste("make stop start")
        assert project.request("GET", "/customers/1")[0] == 200
        project.paste("make smoke")


@each_web_api
@pytest.mark.usefixtures("conda")
def test_each_accepted_task_is_done_once(project: RecipeProject) -> None:
    project.shell[f"{PREFIX}DATABASE__PORT"] = project.shell["PGPORT"]
    project.follow("postgresql")
    with in_production(project):
        project.follow("postgresql-in-production")
        project.paste("make stop")
        connect_to_server(project, "api", "migrate", "worker")
        project.follow("queue")
        wait_for_welcome(project, 1)
        # Accepted tasks wait for a worker.
        project.paste("docker compose stop worker")
        _, bob = project.request("POST", "/customers", {"email": "bob@example.com"})
        for _ in range(2):
            assert project.request("POST", f"/customers/{bob['id']}/welcome")[0] == 202
        project.paste("make stop start")
        wait_for_welcome(project, bob["id"])
        # A worker finishes its current task and exits, soon.
        started = monotonic()
        project.paste("docker compose stop worker")
        assert monotonic() - started < 10
        state = project.paste("docker compose ps --all --format '{{.ExitCode}}' worker")
        assert state == "0\n"


@contextmanager
def in_production(project: RecipeProject) -> Iterator[PostgreSQL]:
    """Run the server for the containers."""
    project.shell["DATABASE_PORT"] = str(free_port())
    connect_to_server(project, "api", "migrate")
    with postgresql(int(project.shell["DATABASE_PORT"]), login="PASSWORD") as database:
        yield database


def connect_to_server(project: RecipeProject, *services: str) -> None:
    """Make `postgres.example.com` of the page reachable from services."""
    options = {
        "extra_hosts": ["postgres.example.com:host-gateway"],
        "environment": {f"{PREFIX}DATABASE__PORT": project.shell["DATABASE_PORT"]},
    }
    project.override(json.dumps({"services": dict.fromkeys(services, options)}))


def wait_for_welcome(project: RecipeProject, customer_id: int) -> None:
    """Wait until the worker has sent a welcome; check that it has sent only one."""
    deadline = monotonic() + 30
    while True:
        log = project.paste("docker compose logs --no-log-prefix worker")
        lines = [json.loads(line) for line in log.splitlines()]
        sent = [line["customer_id"] for line in lines if line["event"] == "welcome sent"]
        if customer_id in sent:
            assert sent.count(customer_id) == 1
            return
        assert monotonic() < deadline, log
        sleep(0.5)


@each_job
@pytest.mark.usefixtures("conda")
def test_rows_in_the_database_are_replaced_completely(project: RecipeProject) -> None:
    project.shell["PORT"] = port = str(free_port())
    project.replaced["postgres.example.com:5432"] = f"postgres.example.com:{port}"
    project.override('services: {job: {extra_hosts: ["postgres.example.com:host-gateway"]}}')
    count = "SELECT count(*), count(DISTINCT order_id), sum(net) FROM prices"
    with postgresql(int(port), login="PASSWORD") as database:
        query = ["psql", "--no-psqlrc", "--tuples-only", "--no-align", database.url]
        project.follow("polars")
        once = run(*query, "--command", count).stdout
        project.paste("make start")

        assert run(*query, "--command", count).stdout == once
        assert once.startswith("5|5|")
        # A file that is larger than the memory of the container.
        project.paste(f"python -c '{LARGE}'")
        project.paste("make smoke")
        assert run(*query, "--command", count).stdout.startswith("5000000|5000000|")
        database.stop()
        assert "Error 74" in project.paste_failing("make smoke")
        database.start()
        project.paste("echo no Parquet > data/orders.parquet")
        assert "Error 65" in project.paste_failing("make smoke")
        assert run(*query, "--command", count).stdout.startswith("5000000|5000000|")
