"""Compare the servers that the web API could run on: `make bench-servers`.

The rendered web API runs on each of them, from its own lock, and gets the same awkward clients.
The CPU time of a request is compared with that of FastAPI on the same server with the server's
access log, in short turns, so that a noisy machine is noisy for all. Needs Linux and two cores.
"""

import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from benchmarks import probes, processes
from benchmarks.processes import Service, serving
from benchmarks.tables import markdown

ROOT = Path(__file__).parents[1]
SERVICES = str(ROOT / "benchmarks" / "services.py")
SERVERS = {
    "httptools": "Uvicorn, httptools",
    "h11": "Uvicorn, h11",
    "zttp": "Uvicorn, zttp",
    "granian": "Granian",
}
PACKAGES = ("fastapi", "uvicorn", "httptools", "h11", "zttp", "granian", "uvloop", "websockets")
MANY = {"MAX_CONCURRENT_REQUESTS": 2000}
PROBES: dict[str, Callable[[Service], str]] = {
    "POST that offers `Upgrade: h2c`": probes.h2c,
    "headers that never end": probes.endless_headers,
    "ambiguous requests refused": probes.ambiguous,
    "path that is not ASCII": probes.not_ascii,
    "1,000 idle connections": probes.idle_connections,
    "40 MB read at 2 MB/s": probes.slow_reader,
    "WebSocket": probes.websocket,
    "stream that fails in the middle": probes.broken_stream,
}


def main() -> None:
    """Measure; print and store the table."""
    with tempfile.TemporaryDirectory() as folder:
        python = processes.install(
            Path(folder), "web-api", "granian", "h11", "httptools", "uvloop", "websockets", "zttp"
        )
        rows = [*cpu(python), *behaviour(python)]
        machine = f"{processes.versions(python, PACKAGES)}; medians of {processes.ROUNDS} rounds"
    table = markdown(("", *SERVERS.values()), rows, machine)
    print(table)
    (ROOT / "benchmarks" / "results" / "servers.md").write_text(table, "utf-8")


def cpu(python: str) -> list[list[str]]:
    """Measure the CPU time of a request, and the memory after all requests."""
    rows = []
    with ExitStack() as running:
        services = {
            (name, server): running.enter_context(serving(python, SERVICES, name, server))
            for server in SERVERS
            for name in ("template", "fastapi")
        }
        for method, sent in {"GET": probes.GET, "POST": probes.POST}.items():
            times = processes.cpu_times(services, sent)
            cells = []
            for server in SERVERS:
                ours, bare = times["template", server], times["fastapi", server]
                cells.append(f"{median(ours):.0f} ({processes.ratio(ours, bare):.2f})")
            rows.append([f"CPU time of a {method}, µs (to FastAPI)", *cells])
        memory = [f"{services['template', server].memory():.0f} MB" for server in SERVERS]
    return [*rows, ["memory", *memory]]


def behaviour(python: str) -> list[list[str]]:
    """Run every probe against every server."""
    with ExitStack() as running:
        services = [
            running.enter_context(serving(python, SERVICES, "template", server, **MANY))
            for server in SERVERS
        ]
        rows = [[title, *map(probe, services)] for title, probe in PROBES.items()]
        with ThreadPoolExecutor() as pool:
            rows.append(["half a header", *pool.map(probes.half_a_header, services)])
    os.environ["OPTIONS"] = "--http1-header-read-timeout 1000"  # Granian's keep-alive timeout.
    race, stop = [], []
    for server in SERVERS:
        command = (python, SERVICES, "template", server)
        with serving(*command, KEEP_ALIVE_SECONDS=1) as service:
            race.append(probes.keep_alive_race(service))
        with serving(*processes.UNSHARE, *command, **MANY) as service:
            stop.append(probes.stop(service))
    return [
        *rows,
        ["requests within 10 ms of the end of keep-alive", *race],
        ["SIGTERM to PID 1 with 200 requests running", *stop],
    ]


if __name__ == "__main__":
    main()
