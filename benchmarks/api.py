"""What the API's operation costs, and how it fares when it is full: `make bench-api`.

A web API of the template serves two routes that bare FastAPI serves too: with and without Uvicorn's
access log, and on Granian, the other server that could be chosen. Every server has one core, the
load has another, and all are measured in turns, so that a noisy machine is noisy for all of them.
Needs wrk and two cores.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import load
from benchmarks.model import (
    LOAD_CORE,
    Row,
    Server,
    as_table,
    install,
    serving,
    versions,
)
from tests.harness import tool

ROOT = Path(__file__).parents[1]
ROUNDS, SECONDS, LIMIT, OVERLOAD_SECONDS, TIME_LIMIT = 15, 2, 32, 30, 2.0
PACKAGES = ("fastapi", "uvicorn", "uvloop", "httptools", "granian", "structlog", "orjson")
ITEMS = str(ROOT / "benchmarks" / "items.py")
UVICORN = ("-m", "uvicorn", "--app-dir", str(ROOT / "benchmarks"), "items:app")
GRANIAN = (
    *("-m", "granian", "--interface", "asgi", "--loop", "uvloop", "--no-ws"),
    *("--working-dir", str(ROOT / "benchmarks"), "items:app"),
)
POST = """
wrk.method = "POST"
wrk.body = '{"name": "chair", "price": 49.9, "tags": ["wood", "four legs"]}'
wrk.headers["content-type"] = "application/json"
"""


def main() -> int:
    """Measure, print the table and store it beside this file; end with 1 if a limit is missed."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not on PATH: apt-get install wrk")
    os.sched_setaffinity(0, {LOAD_CORE})
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        python = install(folder, "web-api")
        command = ["pip", "install", "--quiet", "--python", python, "granian"]
        subprocess.run([str(tool("uv")), *command], check=True)
        script = folder / "post.lua"
        script.write_text(POST)
        servers = {
            "template": running.enter_context(serving(python, ITEMS, "serve")),
            "bare": running.enter_context(serving(python, *UVICORN, "--no-access-log")),
            "access log": running.enter_context(serving(python, *UVICORN)),
            "Granian": running.enter_context(serving(python, *GRANIAN)),
        }
        rows = [
            *rates(servers, script),
            memory(servers["template"]),
            *overload(python),
            *[stopping(name, python, *command) for name, command in STOPPED.items()],
        ]
        table = as_table(rows, versions(python, PACKAGES, ROUNDS))
    print(table)
    (ROOT / "benchmarks" / "api.md").write_text(table, "utf-8")
    return 0 if all(row.holds for row in rows) else 1


STOPPED = {
    "the template": (ITEMS, "serve"),
    "bare Uvicorn": (*UVICORN, "--no-access-log"),
    "bare Granian": GRANIAN,
}


def rates(servers: dict[str, Server], script: Path) -> list[Row]:
    """Compare the requests per second."""
    get: dict[str, list[float]] = {name: [] for name in servers}
    post: dict[str, list[float]] = {name: [] for name in ("template", "bare")}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            get[name].append(wrk(server.port, "/items/0"))
        for name, seen in post.items():
            seen.append(wrk(servers[name].port, "/items", "--script", str(script)))
    rate = {name: median(values) for name, values in get.items()}
    sent = {name: median(values) for name, values in post.items()}
    return [
        Row("GET, template", f"{rate['template']:.0f} requests/s"),
        ratio("GET, bare FastAPI", rate["template"], rate["bare"], 0.85),
        ratio("GET, bare with Uvicorn's access log", rate["template"], rate["access log"], 1.3),
        Row(
            "GET, bare on Granian",
            f"{rate['Granian']:.0f} requests/s, {rate['Granian'] / rate['bare']:.2f} of Uvicorn's",
        ),
        Row("POST, template", f"{sent['template']:.0f} requests/s"),
        ratio("POST, bare FastAPI", sent["template"], sent["bare"], 0.85),
    ]


def ratio(what: str, ours: float, theirs: float, least: float) -> Row:
    """Compare the template's rate with another one."""
    value = f"{theirs:.0f} requests/s, ratio {ours / theirs:.2f}"
    return Row(what, value, f"ratio >= {least}", ours >= least * theirs)


def wrk(port: int, path: str, *options: str) -> float:
    """Ask as fast as the server answers, over 16 connections; give the requests per second."""
    command = ["wrk", "--threads=1", "--connections=16", f"--duration={SECONDS}s", *options]
    said = subprocess.check_output([*command, f"http://127.0.0.1:{port}{path}"], text=True)
    if "Non-2xx" in said:
        sys.exit(f"The service refuses requests:\n{said}")
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", said)[0])


def memory(server: Server) -> Row:
    """Compare the resident memory after many requests with that after few."""
    done = asyncio.run(load.send(server.port, load.request("/items/0"), 1_000))
    before = resident(server.pid)
    done += asyncio.run(load.send(server.port, load.request("/items/0"), 199_000))
    growth = resident(server.pid) / before
    what = f"memory after {done:,} requests, against after 1,000"
    return Row(
        what, f"{resident(server.pid) / 1e6:.0f} MB, ratio {growth:.3f}", "<= 1.05", growth <= 1.05
    )


def resident(pid: int) -> int:
    """Give the resident memory of a process in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(re.findall(r"VmRSS:\s+(\d+)", status)[0])


def overload(python: str) -> list[Row]:
    """Let ten times as many clients ask as may be in flight, and see who is answered how."""
    settings = {"MAX_IN_FLIGHT": LIMIT, "REQUEST_SECONDS": TIME_LIMIT}
    with serving(python, ITEMS, "serve", **settings) as server:
        request = load.request("/items/50")
        before = resident(server.pid)
        answers = asyncio.run(load.crowd(server.port, request, 10 * LIMIT, OVERLOAD_SECONDS))
        grown = resident(server.pid) - before
        start = perf_counter()
        load.Client(server.port).ask(request)
        calm = perf_counter() - start
    statuses = Counter(status for status, _ in answers)
    slowest = max(seconds for status, seconds in answers if status == 200)
    seen = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    return [
        Row(
            f"{10 * LIMIT} clients where {LIMIT} are served, {OVERLOAD_SECONDS} s",
            seen,
            "200 and 503 only",
            set(statuses) == {200, 503},
        ),
        Row(
            "of these, the slowest 200",
            f"{slowest:.2f} s",
            f"<= {2 * TIME_LIMIT:g} s",
            slowest <= 2 * TIME_LIMIT,
        ),
        Row("memory that they cost", f"{grown / 1e6:.0f} MB", "<= 50 MB", grown <= 50e6),
        Row("the next request, of 0.5 s, then", f"{calm:.2f} s", "<= 1 s", calm <= 1),
    ]


def stopping(what: str, python: str, *command: str) -> Row:
    """Stop a server while 50 requests are half sent and 50 more on their way; count the answers."""
    with serving(python, *command) as server:
        used = resident(server.pid) + sum(map(resident, children(server.pid)))
        half, late = asyncio.run(
            load.interrupted(server.port, 50, lambda: os.kill(server.pid, signal.SIGTERM))
        )
    return Row(
        f"SIGTERM, {what}: answered of 50 half sent, of 50 on their way",
        f"{half}, {late}; {used / 1e6:.0f} MB",
        "all" if what == "the template" else "",
        what != "the template" or half == late == 50,
    )


def children(pid: int) -> list[int]:
    """Give the processes that a process has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    sys.exit(main())
