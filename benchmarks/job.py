"""Measure the speed and the memory of the job: `make bench-job`.

Every round processes the same orders with the job of a baked project, which validates rows as
Pydantic models; with `csv` and `json` of the standard library and the same checks written by hand;
and with polars, which checks less. Each is a process of its own, and its start counts.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import NamedTuple

from cookiecutter.main import cookiecutter

from benchmarks.tables import markdown
from tests.helpers.harness import PYTHONS, install_locked, interpreter, uv_pip_install

ROOT = Path(__file__).parents[1]
ROUNDS, ROWS, MANY_ROWS = 5, 1_000_000, 10_000_000
JOB, PLAIN, POLARS = "the job", "csv and json, by hand", "polars"
MIN_RATIO, MAX_MEGABYTES = 0.6, 60
HEADER = "order_id,quantity,unit_price,discount_percent\n"

BY_HAND = """
import csv, json, sys
from decimal import ROUND_HALF_EVEN, Decimal
CENT = Decimal("0.01")
HEADER = ["order_id", "quantity", "unit_price", "discount_percent"]
with (
    open(sys.argv[1], encoding="utf-8-sig", newline="") as lines,
    open(sys.argv[2], "w", encoding="utf-8") as output,
):
    reader = csv.reader(lines, strict=True)
    assert next(reader) == HEADER
    for order_id, quantity, unit_price, discount_percent in reader:
        order_id = order_id.strip()
        quantity, price, discount = int(quantity), Decimal(unit_price), Decimal(discount_percent)
        if not (1 <= len(order_id) <= 64 and 1 <= quantity <= 1_000_000):
            raise ValueError(reader.line_num)
        if not (0 <= price < 10_000_000_000 and price.as_tuple().exponent >= -2):
            raise ValueError(reader.line_num)
        if not (0 <= discount <= 100 and discount.as_tuple().exponent >= -2):
            raise ValueError(reader.line_num)
        net = (quantity * price * (100 - discount) / 100).quantize(CENT, ROUND_HALF_EVEN)
        output.write(json.dumps({"order_id": order_id, "net": str(net)}) + "\\n")
"""
BY_POLARS = """
import sys
import polars as pl
net = pl.col("quantity") * pl.col("unit_price") * (100 - pl.col("discount_percent")) / 100
types = {"order_id": pl.String, "quantity": pl.Int64}
types |= dict.fromkeys(["unit_price", "discount_percent"], pl.Float64)
orders = pl.scan_csv(sys.argv[1], schema=types)
orders.select("order_id", net=net.round(2)).sink_ndjson(sys.argv[2])
"""


class Run(NamedTuple):
    """The time and the memory of a process."""

    wall_seconds: float
    cpu_seconds: float
    megabytes: float


def main() -> int:
    """Measure; print and store the table; return 1 if a limit is not met."""
    with tempfile.TemporaryDirectory() as folder:
        commands = prepare(Path(folder))
        source, many = Path(folder, "orders.csv"), Path(folder, "many.csv")
        write_orders(source, ROWS)
        rounds = [
            {name: measure(it, source) for name, it in commands.items()} for _ in range(ROUNDS)
        ]
        write_orders(many, MANY_ROWS)
        most = measure(commands[JOB], many).megabytes
    peaks = {name: max(each[name].megabytes for each in rounds) for name in commands}
    cpu = {name: median(each[name].cpu_seconds for each in rounds) for name in commands}
    wall = {name: median(each[name].wall_seconds for each in rounds) for name in commands}
    table = as_table(wall, cpu, peaks, most)
    print(table)
    (ROOT / "benchmarks" / "results" / "job.md").write_text(table, "utf-8")
    fast, small = cpu[PLAIN] / cpu[JOB] >= MIN_RATIO, most <= MAX_MEGABYTES
    return 0 if fast and small else 1


def prepare(folder: Path) -> dict[str, list[str]]:
    """Bake and install a project; return the command of each contender."""
    python = interpreter(PYTHONS[0]) or Path(sys.executable)
    answers = {"application": "job", "python_version": PYTHONS[0]}
    project = cookiecutter(str(ROOT), no_input=True, output_dir=str(folder), extra_context=answers)
    install_locked(Path(project), folder / "venv", python)
    uv_pip_install(folder / "venv", "polars")
    programs = folder / "venv" / "bin"
    return {
        JOB: [str(programs / "my-application"), "run"],
        PLAIN: [str(programs / "python"), "-c", BY_HAND],
        POLARS: [str(programs / "python"), "-c", BY_POLARS],
    }


def write_orders(path: Path, rows: int) -> None:
    """Write a CSV file with `rows` orders."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        file.writelines(f"A-{it},{it % 90 + 1},{it % 1000}.5,{it % 7}\n" for it in range(rows))


def measure(command: list[str], source: Path) -> Run:
    """Run a command on an input, and measure it."""
    began, megabytes = perf_counter(), 0.0
    process = subprocess.Popen(
        [*command, str(source), str(source.with_suffix(".jsonl"))], stdout=subprocess.DEVNULL
    )
    while True:
        megabytes = max(megabytes, peak_megabytes(process.pid))
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        sleep(0.02)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ends with {process.returncode}")
    return Run(perf_counter() - began, usage.ru_utime + usage.ru_stime, megabytes)


def peak_megabytes(pid: int) -> float:
    """Return the peak memory of a process; its rusage would include its parent's."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


def as_table(
    wall: dict[str, float], cpu: dict[str, float], peaks: dict[str, float], most: float
) -> str:
    """Return a Markdown table of the medians, with the ratio of CPU time to `csv` and `json`."""
    head = ("way", "rows/s", "rows/s of CPU", "ratio", "peak MB")
    rows = [
        (
            name,
            f"{ROWS / wall[name]:,.0f}",
            f"{ROWS / cpu[name]:,.0f}",
            f"{cpu[PLAIN] / cpu[name]:.2f}",
            f"{peaks[name]:.0f}",
        )
        for name in wall
    ]
    machine = (
        f"Python {PYTHONS[0]}, {os.cpu_count()} cores, {ROWS // 10**6} M rows, median of {ROUNDS}; "
        f"the ratio is of CPU time. The job's peak at {MANY_ROWS // 10**6} M rows: {most:.0f} MB"
    )
    return markdown(head, rows, machine)


if __name__ == "__main__":
    sys.exit(main())
