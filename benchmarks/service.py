"""What the web API costs, and how it behaves when it is overloaded: `make bench-service`.

The rendered web API runs with everything on: request IDs, access log, metrics, limits and problem
documents. The CPU time of a request is measured against FastAPI on the same server with that
server's own access log, and against FastAPI with the libraries that most projects take for the same
features, in short turns, so that a noisy machine is noisy for all. Needs Linux and two cores.
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
from benchmarks.processes import Row, Service, cpu_per_request, serving
from benchmarks.servers import SERVICES
from benchmarks.tables import markdown

ROOT = Path(__file__).parents[1]
ROUNDS, REQUESTS, LIMIT, OVERLOAD_SECONDS = 41, 800, 32, 30
LIBRARIES = ("asgi-correlation-id", "prometheus-fastapi-instrumentator")
PACKAGES = ("fastapi", "uvicorn", "h11", "uvloop", "structlog", "prometheus-client", *LIBRARIES)
MOST = {"fastapi": 1.15, "libraries": 0.7}
NAMES = {
    "template": "the web API",
    "fastapi": "FastAPI with the server's access log",
    "libraries": "FastAPI with asgi-correlation-id, prometheus-fastapi-instrumentator and structlog",
}
SERVER = "h11"
HALF_A_SECOND = load.request("/items/50")


def main() -> int:
    """Measure, print the table and store it; return 1 if a limit is missed."""
    with tempfile.TemporaryDirectory() as folder:
        python = processes.install(Path(folder), "web-api", *LIBRARIES)
        rows = [*cpu(python), memory(python), *overload(python)]
        machine = f"{processes.versions(python, PACKAGES)}; medians of {ROUNDS} rounds"
    table = markdown(("what", "measured", "limit"), [row[:3] for row in rows], machine)
    print(table)
    (ROOT / "benchmarks" / "results" / "service.md").write_text(table, "utf-8")
    return 0 if all(row.holds for row in rows) else 1


def cpu(python: str) -> list[Row]:
    """Compare the CPU time of a request."""
    sent = {"GET": GET, "POST": POST}
    times: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as running:
        services = {
            name: running.enter_context(serving(python, SERVICES, name, SERVER)) for name in NAMES
        }
        for _ in range(ROUNDS + 1):
            for name, service in services.items():
                for method, request in sent.items():
                    took = cpu_per_request(service, request, REQUESTS)
                    times.setdefault((method, name), []).append(took)
    rows = []
    for (method, name), values in times.items():
        # The first round fills the caches.
        ours, these = times[method, "template"][1:], values[1:]
        ratio = median(a / b for a, b in zip(ours, these, strict=True))
        what = f"CPU time of a {method}, {NAMES[name]}"
        if name == "template":
            rows.append(Row(what, f"{median(these):.0f} µs"))
        else:
            value = f"{median(these):.0f} µs, ratio {ratio:.2f}"
            rows.append(Row(what, value, f"ratio ≤ {MOST[name]}", ratio <= MOST[name]))
    return rows


def memory(python: str) -> Row:
    """Compare the memory after many requests with that after few."""
    with serving(python, SERVICES, "template", SERVER) as service:
        asyncio.run(load.send(service.port, GET, 1_000))
        before = service.memory()
        asyncio.run(load.send(service.port, GET, 199_000))
        after = service.memory()
    what = "memory after 200,000 requests, against after 1,000"
    value = f"{after:.0f} MB, ratio {after / before:.3f}"
    return Row(what, value, "ratio ≤ 1.05", after <= 1.05 * before)


def overload(python: str) -> list[Row]:
    """Send from ten times as many clients as may be served at once."""
    limits = {"MAX_CONCURRENT_REQUESTS": LIMIT}
    with serving(python, SERVICES, "template", SERVER, **limits) as service:
        before = service.memory()
        crowd = load.crowd(service.port, HALF_A_SECOND, 10 * LIMIT, OVERLOAD_SECONDS)
        statuses = Counter(status for status, _ in asyncio.run(crowd))
        grown = service.memory() - before
        normal = time_to_normal(service)
    seen = ", ".join(f"{count:,} × {status}" for status, count in sorted(statuses.items()))
    clients = f"{10 * LIMIT} clients where {LIMIT} are served at once, {OVERLOAD_SECONDS} s"
    return [
        Row(clients, seen, "only 200 and 503", set(statuses) == {200, 503}),
        Row("memory that they cost", f"{grown:.0f} MB", "≤ 50 MB", grown <= 50),
        Row("back to normal after", f"{normal:.2f} s", "≤ 1 s", normal <= 1),
    ]


def time_to_normal(service: Service) -> float:
    """Return the seconds until as many requests as may be served at once are all answered 200."""
    start = perf_counter()
    while perf_counter() - start < 10:
        begun = perf_counter()
        statuses = asyncio.run(load.burst(service.port, GET, LIMIT))
        if statuses == {200}:
            return begun - start
    return perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
