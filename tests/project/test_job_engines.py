"""A job with another engine, from the examples of its page, can be killed and repeated."""

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
    INSTALLABLE,
    PACKAGE,
    SLUG,
    BakedProject,
    Combination,
    activated_env,
    each,
    install_locked,
    interpreter,
    needs_posix,
    run,
)
from tests.helpers.postgresql import PostgreSQL, postgresql

KILLS, SEED, PARQUET_ROWS, CSV_ROWS = 20, 3, 1_000_000, 100_000
EXIT_STATUSES = {0, 143, -signal.SIGTERM, -signal.SIGKILL}
# Writes Parquet as another program would, and prints a summary of the job's output.
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
# Writes the sample with decimals, as a data warehouse does, and compares the output.
WRITE_SAMPLE = """
import polars as pl
orders = pl.read_csv("data/orders.csv", infer_schema=False).cast({"quantity": pl.Int64})
amounts = {"unit_price": pl.Decimal(12, 2), "discount_percent": pl.Decimal(5, 2)}
orders.cast(amounts).write_parquet("sample.parquet")
"""
READ_SAMPLE = """
import json, polars as pl
expected = [json.loads(line)["net"] for line in open("sample.jsonl")]
print(pl.read_parquet("priced.parquet")["net"].cast(str).to_list() == expected)
"""
COUNT = "SELECT count(*), count(DISTINCT order_id) FROM prices"

pytestmark = [
    needs_posix,
    pytest.mark.slow("adds packages to a project and kills its job 20 times"),
    each([one for one in INSTALLABLE if one.kind == "job"][-1:]),
]


class Project(NamedTuple):
    """A project with another engine, and a shell in which its environment is active."""

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

    def examples(self) -> list[str]:
        """Return the code examples of the page."""
        page = (self.path / "docs" / "production.md").read_text("utf-8")
        return re.findall(r"```python\n(.*?)```", page, re.DOTALL)

    def use_engine(self, engine: str, signature: str, call: str, status: str) -> None:
        """Follow the page: replace `run` in job.py and cli.py, and add the exceptions."""
        (example,) = [one for one in self.examples() if one.startswith(engine)]
        imports, function = example.split("\n\n\n")
        self.edit("job.py", r"def run\(.*?(?=\n\n\ndef valid_orders)", function.strip())
        command = f'def run({signature}) -> None:\n    """Run the job."""\n    {call}'
        self.edit("cli.py", r"def run\(.*?(?=\n\n\n@app.command\(\)\ndef merge)", command)
        self.edit("exit_status.py", "OSError: 74,", f"OSError: 74, {status},")
        for name in ("job.py", "exit_status.py"):
            self.edit(name, r"\nfrom pydantic", f"\n{imports}\nfrom pydantic")
        self.run("ruff", "check", "--fix-only", "--quiet", "src")
        self.run("ruff", "format", "--quiet", "src")
        self.run("ruff", "check", "src")
        self.run("mypy", "src")

    def exit_status(self, *arguments: str) -> int:
        """Run the job; return its exit status."""
        command = (SLUG, "run", *arguments)
        return run(*command, cwd=self.path, env=self.shell, check=False).returncode

    def seconds(self, *arguments: str) -> float:
        """Run the job; return its duration in seconds."""
        began = monotonic()
        self.run(SLUG, "run", *arguments)
        return monotonic() - began

    def kill(self, number: signal.Signals, after: float, *arguments: str) -> bool:
        """Start the job, and kill it after some seconds; return whether it was still running."""
        command = [SLUG, "run", *arguments]
        with subprocess.Popen(
            command, cwd=self.path, env=self.shell, stdout=subprocess.DEVNULL
        ) as job:
            sleep(after)
            sent = monotonic()
            job.send_signal(number)
            status = job.wait(timeout=30)
        assert status in EXIT_STATUSES
        assert monotonic() - sent < 1
        return status != 0


@pytest.fixture
def project(
    index: None,  # noqa: ARG001 - needed
    combination: Combination,
    bake: Callable[[Combination], BakedProject],
    tmp_path: Path,
) -> Project:
    """Install a project, with a shell in which its environment is active."""
    python = interpreter(combination.python)
    assert python
    shutil.copytree(bake(combination).path, tmp_path / "project")
    install_locked(tmp_path / "project", tmp_path / "venv", python)
    return Project(tmp_path / "project", activated_env(tmp_path / "venv"))


@pytest.fixture(scope="module")
def database() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server."""
    with postgresql() as server:
        yield server


def test_polars_writes_parquet_completely_or_not_at_all(project: Project) -> None:
    project.run("poetry", "add", "polars")
    project.run(SLUG, "run", "data/orders.csv", "sample.jsonl")
    project.use_engine(
        "import polars",
        "source: Source, target: Target",
        "configure()\n"
        '    log.info("done", status=0, target=str(target), **job.run(source, target))',
        "pl.exceptions.PolarsError: 65",
    )
    project.run("python", "-c", WRITE_SAMPLE)
    project.run(SLUG, "run", "sample.parquet", "priced.parquet")
    assert project.run("python", "-c", READ_SAMPLE) == "True\n"
    project.run("python", "-c", WRITE)
    duration = project.seconds("in.parquet", "out.parquet")
    output = project.path / "out.parquet"
    expected = project.run("python", "-c", READ)
    output.unlink()
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret

    killed = 0
    for kill in range(KILLS):
        number = (signal.SIGTERM, signal.SIGKILL)[kill % 2]
        killed += project.kill(number, duration * draw.random(), "in.parquet", "out.parquet")
        if output.exists():
            assert project.run("python", "-c", READ) == expected
            output.unlink()
    project.run(SLUG, "run", "in.parquet", "out.parquet")

    assert killed > KILLS / 2, "Most runs ended before they were killed."
    assert project.run("python", "-c", READ) == expected
    assert int(expected.split()[0]) == PARQUET_ROWS
    assert [path.name for path in project.path.glob(".out*")] == []
    (project.path / "in.parquet").write_bytes(b"no Parquet")
    assert project.exit_status("in.parquet", "x") == 65


def use_postgresql(project: Project, database: PostgreSQL) -> None:
    """Add PostgreSQL to a project as its page says, and the settings to its shell."""
    project.run("poetry", "add", "psycopg[binary]")
    (settings,) = [one for one in project.examples() if one.startswith("class Database")]
    project.edit(
        "settings.py", "\n# https://docs.pydantic", f"{settings}\n\n# https://docs.pydantic"
    )
    field = "    max_errors: PositiveInt = 20\n"
    project.edit("settings.py", field, f"{field}    database: Database\n")
    project.edit("settings.py", "PositiveInt, Val", "PositiveInt, SecretStr, Val")
    project.edit("job.py", "\ntype Rows", f"from {PACKAGE}.settings import Database\n\ntype Rows")
    project.use_engine(
        "import psycopg",
        "source: Source",
        "loaded = configure()\n"
        "    summary = job.run(source, loaded.database, max_errors=loaded.max_errors)\n"
        '    log.info("done", status=0, **summary)',
        "psycopg.OperationalError: 74, psycopg.DataError: 65",
    )
    values = {"HOST": database.folder, "DBNAME": "postgres", "USER": "postgres", "PASSWORD": "x"}
    prefix = f"{PACKAGE.upper()}_DATABASE__"
    project.shell.update({f"{prefix}{name}": str(value) for name, value in values.items()})


def test_postgresql_holds_each_row_once(project: Project, database: PostgreSQL) -> None:
    use_postgresql(project, database)
    rows = "".join(f"A-{it},{it % 90 + 1},0.5,{it % 7}\n" for it in range(CSV_ROWS))
    (project.path / "in.csv").write_text(HEADER + rows)

    def sql(command: str) -> str:
        return project.run(
            "psql", "--no-psqlrc", "--tuples-only", "--command", command, database.url
        )

    sql("CREATE TABLE prices (source text, order_id text, net numeric)")
    duration = project.seconds("in.csv")
    draw = random.Random(SEED)  # noqa: S311 - a seed, not a secret

    killed = 0
    for kill in range(KILLS):
        number = (signal.SIGTERM, signal.SIGKILL)[kill % 2]
        killed += project.kill(number, duration * draw.random(), "in.csv")
        assert [int(it) for it in sql(COUNT).split("|")] == [CSV_ROWS, CSV_ROWS]
    sql("DELETE FROM prices")
    project.kill(signal.SIGKILL, duration * 0.9, "in.csv")
    project.run(SLUG, "run", "in.csv")

    assert killed > KILLS / 2, "Most runs ended before they were killed."
    assert [int(it) for it in sql(COUNT).split("|")] == [CSV_ROWS, CSV_ROWS]
    (project.path / "in.csv").write_text(f"{HEADER}A\0,1,1,0\n")
    assert project.exit_status("in.csv") == 65
    project.shell[f"{PACKAGE.upper()}_DATABASE__HOST"] = "/nowhere"
    assert project.exit_status("in.csv") == 74
