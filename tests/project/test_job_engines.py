"""A job keeps its promises with another engine: the examples of its page, killed and repeated."""

import random
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple

import pytest

from tests.helpers.containers import HEADER
from tests.helpers.harness import (
    HERE,
    PACKAGE,
    SLUG,
    BakedProject,
    Combination,
    activated,
    each,
    install_locked,
    interpreter,
    needs_posix,
    run,
)
from tests.helpers.postgresql import postgresql

KILLS, SEED, PARQUET_ROWS, CSV_ROWS = 20, 3, 1_000_000, 100_000
ENDS = {0, 143, -signal.SIGTERM, -signal.SIGKILL}
# Parquet as another program would have written it, and what the job makes of it.
WRITE = f"""
import polars as pl
index = pl.int_range(1, {PARQUET_ROWS} + 1)
columns = {{"order_id": index.cast(str), "quantity": index % 90 + 1, "unit_price": index / 7}}
pl.select(**columns, discount_percent=index % 7).write_parquet("in.parquet")
"""
READ = """
import polars as pl
print(*pl.read_parquet("out.parquet").select(pl.len(), pl.col("net").sum()).row(0))
"""
COUNT = "SELECT count(*), count(DISTINCT order_id) FROM prices"

pytestmark = [
    needs_posix,
    pytest.mark.slow("adds packages to a project and kills its job 20 times"),
    each([one for one in HERE if one.kind == "job"][-1:]),
]


class Project(NamedTuple):
    """A project to which an engine has been added, and a shell in which it is active."""

    path: Path
    shell: dict[str, str]

    def run(self, *command: str, env: dict[str, str] | None = None) -> str:
        return run(*command, cwd=self.path, env=self.shell | (env or {})).stdout

    def edit(self, name: str, pattern: str, new: str) -> None:
        module = self.path / "src" / PACKAGE / name
        text, count = re.subn(
            pattern, lambda _: new, module.read_text("utf-8"), count=1, flags=re.DOTALL
        )
        assert count == 1
        module.write_text(text, "utf-8")

    def use(self, engine: str, signature: str, call: str, status: str) -> None:
        """Do what the page says: replace `run` in job.py and cli.py, and name the exceptions."""
        page = (self.path / "docs" / "production.md").read_text("utf-8")
        examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
        (example,) = [one for one in examples if engine in one]
        imports, function = example.split("\n\n\n")
        self.edit("job.py", r"def run\(.*?(?=\n\n\ndef valid_orders)", function.strip())
        command = f'def run({signature}) -> None:\n    """Run the job."""\n    {call}'
        self.edit("cli.py", r"def run\(.*?(?=\n\n\n@app.command\(\)\ndef merge)", command)
        self.edit("exit_status.py", "OSError: 74}", f"OSError: 74, {status}}}")
        for name in ("job.py", "exit_status.py"):
            self.edit(name, r"\nfrom pydantic", f"\n{imports}\nfrom pydantic")
        self.run("ruff", "check", "--fix-only", "--quiet", "src")
        self.run("ruff", "format", "--quiet", "src")
        self.run("ruff", "check", "src")
        self.run("mypy", "src")

    def seconds(self, *arguments: str) -> float:
        """Run the job to its end; return how long it takes."""
        began = monotonic()
        self.run(SLUG, "run", *arguments)
        return monotonic() - began

    def kill(self, number: signal.Signals, after: float, *arguments: str) -> None:
        """Start the job and kill it after so many seconds."""
        command = [SLUG, "run", *arguments]
        with subprocess.Popen(
            command, cwd=self.path, env=self.shell, stdout=subprocess.DEVNULL
        ) as job:
            sleep(after)
            sent = monotonic()
            job.send_signal(number)
            assert job.wait(timeout=30) in ENDS
            assert monotonic() - sent < 1


@pytest.fixture
def project(
    index: None,  # noqa: ARG001 - needed
    combination: Combination,
    bake: Callable[[Combination], BakedProject],
    tmp_path: Path,
) -> Project:
    """Install a project as a person would, in a shell where its environment is active."""
    python = interpreter(combination.python)
    assert python
    shutil.copytree(bake(combination).path, tmp_path / "project")
    install_locked(tmp_path / "project", tmp_path / "venv", python)
    return Project(tmp_path / "project", activated(tmp_path / "venv"))


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """Run a PostgreSQL server, and yield its address."""
    with postgresql() as server:
        yield server.url


def test_polars_writes_parquet_completely_or_not_at_all(project: Project) -> None:
    project.run("poetry", "add", "polars")
    project.use(
        "import polars",
        "source: Source, target: Target",
        'log.info("done", status=0, target=target, **job.run(source, target))',
        "pl.exceptions.PolarsError: 65",
    )
    project.run("python", "-c", WRITE)
    lasts = project.seconds("in.parquet", "out.parquet")
    output = project.path / "out.parquet"
    right = project.run("python", "-c", READ)
    output.unlink()
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret

    for kill in range(KILLS):
        number = (signal.SIGTERM, signal.SIGKILL)[kill % 2]
        project.kill(number, lasts * draw.random(), "in.parquet", "out.parquet")
        if output.exists():
            assert project.run("python", "-c", READ) == right
            output.unlink()
    project.run(SLUG, "run", "in.parquet", "out.parquet")

    assert project.run("python", "-c", READ) == right
    assert int(right.split()[0]) == PARQUET_ROWS
    assert [path.name for path in project.path.glob(".out*")] == []
    (project.path / "in.parquet").write_bytes(b"no Parquet")
    failed = run(SLUG, "run", "in.parquet", "x", cwd=project.path, env=project.shell, check=False)
    assert failed.returncode == 65


def test_postgresql_holds_each_row_once(project: Project, database: str) -> None:
    project.run("poetry", "add", "psycopg[binary]")
    settings = "    max_errors: PositiveInt = 20\n"
    project.edit("settings.py", settings, f"{settings}    database_url: SecretStr\n")
    project.edit("settings.py", "PositiveInt, Val", "PositiveInt, SecretStr, Val")
    project.use(
        "import psycopg",
        "context: typer.Context, source: Source",
        "url = context.obj.database_url.get_secret_value()\n"
        "    summary = job.run(source, url, max_errors=context.obj.max_errors)\n"
        '    log.info("done", status=0, **summary)',
        "psycopg.OperationalError: 74",
    )
    project.shell[f"{PACKAGE.upper()}_DATABASE_URL"] = database
    rows = "".join(f"A-{it},{it % 90 + 1},0.5,{it % 7}\n" for it in range(CSV_ROWS))
    (project.path / "in.csv").write_text(HEADER + rows)

    def sql(command: str) -> str:
        return project.run("psql", "--no-psqlrc", "--tuples-only", "--command", command, database)

    sql("CREATE TABLE prices (source text, order_id text, net numeric)")
    lasts = project.seconds("in.csv")
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret

    for kill in range(KILLS):
        number = (signal.SIGTERM, signal.SIGKILL)[kill % 2]
        project.kill(number, lasts * draw.random(), "in.csv")
        assert [int(it) for it in sql(COUNT).split("|")] == [CSV_ROWS, CSV_ROWS]
    sql("DELETE FROM prices")
    project.kill(signal.SIGKILL, lasts * 0.9, "in.csv")
    project.run(SLUG, "run", "in.csv")

    assert [int(it) for it in sql(COUNT).split("|")] == [CSV_ROWS, CSV_ROWS]
    project.shell[f"{PACKAGE.upper()}_DATABASE_URL"] = "postgresql:///none?host=/nowhere"
    failed = run(SLUG, "run", "in.csv", cwd=project.path, env=project.shell, check=False)
    assert failed.returncode == 74
