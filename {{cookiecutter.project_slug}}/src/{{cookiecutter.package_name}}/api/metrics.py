"""Metrics for Prometheus: `GET /metrics`. Add your own with `prometheus_client`, as in its manual.

With several workers each of them keeps its numbers in files of a folder that they share, and the
one that answers adds them up: https://prometheus.github.io/client_python/multiprocess/
"""

import asyncio
import os
import platform
from collections import Counter as Tally
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path

from fastapi import APIRouter, FastAPI, Response
from prometheus_client import (
    CONTENT_TYPE_PLAIN_0_0_4,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector
from starlette.types import Scope

from {{ cookiecutter.package_name }} import __version__

disable_created_metrics()  # They double the series.

PATH = "/metrics"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""The methods that have series of their own; a client can think of any number of others."""

LABELS = ("method", "route", "status")
REQUESTS = Counter("http_requests", "Requests, by the class of their answer's status.", LABELS)
SECONDS = Histogram("http_request_duration_seconds", "From a request to its answer's end.", LABELS)
IN_FLIGHT = Gauge(
    "http_requests_in_flight",
    "Requests without an answer yet.",
    ["route"],
    multiprocess_mode="livesum",
)
BUILD = Gauge("application_build_info", "Always 1.", ["version", "python"], multiprocess_mode="max")

router = APIRouter()
in_flight: dict[int, Scope] = {}
"""The requests in flight, by the identity of their scope."""
_routes: set[str] = set()


@router.get(PATH, include_in_schema=False)
async def metrics() -> Response:
    """Answer with every metric, in Prometheus' text format."""
    _set_in_flight()
    return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_PLAIN_0_0_4)


@asynccontextmanager
async def part(_app: FastAPI) -> AsyncIterator[None]:
    """Say which build this is; with several workers, tell the others what is in flight here."""
    BUILD.labels(__version__, platform.python_version()).set(1)
    folder = _shared_folder()
    telling = asyncio.create_task(_tell()) if folder else None
    yield
    if folder and telling:
        telling.cancel()
        mark_process_dead(os.getpid(), folder)


def observe(method: str, route: str | None, status: int | None, seconds: float) -> None:
    """Count one request.

    Args:
        method: as the client sent it.
        route: the template of its path; None where there is no such route.
        status: of the answer; None where the client got none.
        seconds: how long it took.
    """
    known = method if method in METHODS else "other"
    requests, durations = _children(known, route, status)
    requests.inc()
    durations.observe(seconds)


def route_of(scope: Scope) -> str | None:
    """Give the template of the path that a request was routed to, such as `/items/{item}`."""
    # With a prefix of `include_router`, only FastAPI's context of the route knows the whole of it.
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    path: str | None = getattr(route, "path_format", None)
    return path


@cache
def _children(method: str, route: str | None, status: int | None) -> tuple[Counter, Histogram]:
    labels = method, route or "none", f"{status // 100}xx" if status else "none"
    return REQUESTS.labels(*labels), SECONDS.labels(*labels)


def _set_in_flight() -> None:
    routes = (route_of(scope) or "none" for scope in in_flight.values())
    tally = Tally(route for route in routes if route != PATH)  # Who looks is not counted.
    _routes.update(tally)
    for route in _routes:
        IN_FLIGHT.labels(route).set(tally[route])


async def _tell() -> None:
    while True:
        _set_in_flight()
        await asyncio.sleep(1)


def _shared_folder() -> str | None:
    return os.environ.get("PROMETHEUS_MULTIPROC_DIR")


def _registry() -> CollectorRegistry:
    folder = _shared_folder()
    if not folder:
        return REGISTRY
    registry = CollectorRegistry()
    registry.register(Workers(folder))
    MultiProcessCollector(registry, folder)
    return registry


class Workers(Collector):
    """The processes of all workers as if they were one."""

    def __init__(self, folder: str) -> None:
        """Find the workers by their files in `folder`; forget what dead ones had in flight."""
        pids = {int(path.stem.rpartition("_")[2]) for path in Path(folder).glob("counter_*.db")}
        self._alive = {pid for pid in pids if Path(f"/proc/{pid}").exists()}
        for pid in pids - self._alive:
            mark_process_dead(pid, folder)

    def collect(self) -> Iterable[Metric]:
        """Give the sum of each metric of a process; of their starts, the first."""
        totals: dict[str, Metric] = {}
        for pid in self._alive:
            process = ProcessCollector(pid=partial(int, pid), registry=None)
            for metric in process.collect():
                total = totals.setdefault(metric.name, metric)
                if total is not metric:
                    values = total.samples[0].value, metric.samples[0].value
                    first = metric.name == "process_start_time_seconds"
                    value = min(values) if first else sum(values)
                    total.samples = [total.samples[0]._replace(value=value)]
        return totals.values()
