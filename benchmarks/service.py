"""Measure the cost of the web API, and its behaviour under overload: `make bench-service`.

The rendered web API runs with everything on: request IDs, access log, metrics, limits and problem
documents. The CPU time of a request is compared with that of FastAPI on the same server with the
server's access log, and with FastAPI, asgi-correlation-id, prometheus-fastapi-instrumentator and
structlog, in short turns, so that a noisy machine is noisy for all. Needs Linux and two cores.
"""

import asyncio
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from time import perf_counter

from benchmarks import load, processes
from benchmarks.probes import GET, POST
from benchmarks.processes import Row, Service, serving
from benchmarks.servers import SERVICES
from benchmarks.tables import markdown

ROOT = Path(__file__).parents[1]
LIMIT, OVERLOAD_SECONDS = 32, 30
LIBRARIES = ("asgi-correlation-id", "prometheus-fastapi-instrumentator")
PACKAGES = ("fastapi", "uvicorn", "h11", "uvloop", "structlog", "prometheus-client", *LIBRARIES)
LIMITS = {"fastapi": 1.15, "libraries": 0.7}
NAMES = {
    "template": "the web API",
    "fastapi": "bare FastAPI with the server's access log",
    "libraries": "FastAPI with the same features from libraries",
}
SERVER = "h11"
HALF_A_SECOND = load.request("/items/50")


def main() -> int:
    """Measure; print and store the table; return 1 if a limit is not met."""
    with tempfile.TemporaryDirectory() as folder:
        python = processes.install(Path(folder), "web-api", *LIBRARIES)
        rows = [*cpu(python), memory(python), *overload(python)]
        machine = f"{processes.versions(python, PACKAGES)}; medians of {processes.ROUNDS} rounds"
    table = markdown(("what", "measured", "limit"), [row[:3] for row in rows], machine)
    print(table)
    (ROOT / "benchmarks" / "results" / "service.md").write_text(table, "utf-8")
    return 0 if all(row.met for row in rows) else 1


def cpu(python: str) -> list[Row]:
    """Compare the CPU time of a request."""
    rows = []
    with ExitStack() as running:
        services = {
            name: running.enter_context(serving(python, SERVICES, name, SERVER)) for name in NAMES
        }
        for method, sent in {"GET": GET, "POST": POST}.items():
            times = processes.cpu_times(services, sent)
            ours = times.pop("template")
            rows.append(Row(f"CPU time of a {method}", f"{median(ours):.0f} µs"))
            for name, theirs in times.items():
                ratio = processes.ratio(ours, theirs)
                value = f"{median(theirs):.0f} µs, ratio {ratio:.2f}"
                what, limit = f"{method}, {NAMES[name]}", LIMITS[name]
                rows.append(Row(what, value, f"ratio ≤ {limit}", ratio <= limit))
    return rows


def memory(python: str) -> Row:
    """Compare the memory after many requests with that after a few."""
    with serving(python, SERVICES, "template", SERVER) as service:
        clients = [load.Client(service.port) for _ in range(8)]
        load.request_together(clients, GET, 1_000)
        before = service.memory()
        load.request_together(clients, GET, 199_000)
        after = service.memory()
    what = "memory after 200,000 requests, against after 1,000"
    value = f"{after:.0f} MB, ratio {after / before:.3f}"
    return Row(what, value, "ratio ≤ 1.05", after <= 1.05 * before)


def overload(python: str) -> list[Row]:
    """Measure the service with ten times as many clients as it serves at once."""
    limits = {"MAX_CONCURRENT_REQUESTS": LIMIT}
    with serving(python, SERVICES, "template", SERVER, **limits) as service:
        before = service.memory()
        crowd = load.crowd(service.port, HALF_A_SECOND, 10 * LIMIT, OVERLOAD_SECONDS)
        statuses = Counter(status for status, _ in asyncio.run(crowd))
        grown = service.memory() - before
        normal = time_to_normal(service)
    seen = ", ".join(f"{count:,} x {status}" for status, count in sorted(statuses.items()))
    clients = f"{10 * LIMIT} clients where {LIMIT} are served at once, {OVERLOAD_SECONDS} s"
    return [
        Row(clients, seen, "only 200 and 503", set(statuses) == {200, 503}),
        Row("memory that they cost", f"{grown:.0f} MB", "≤ 50 MB", grown <= 50),
        Row("back to normal after", f"{normal:.2f} s", "≤ 1 s", normal <= 1),
    ]


def time_to_normal(service: Service) -> float:
    """Return the seconds until the service can handle its limit of requests at once again."""
    start = perf_counter()
    while perf_counter() - start < 10:
        begun = perf_counter()
        statuses = asyncio.run(load.burst(service.port, GET, LIMIT))
        if statuses == {200}:
            return begun - start
    return perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
