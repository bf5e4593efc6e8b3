"""Metrics for Prometheus: `/metrics`."""

from collections.abc import Awaitable
from dataclasses import dataclass
from time import perf_counter

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.routes import route_path

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
DURATION = Histogram(
    "http_request_duration_seconds", "Duration of requests.", ["method", "route", "status"]
)
IN_PROGRESS = Gauge("http_requests_in_progress", "Requests that are being served.")
BUILD_INFO = Gauge("application_build_info", "The version that runs; always 1.", ["version"])
BUILD_INFO.labels(__version__).set(1)


def add_metrics(app: FastAPI) -> None:
    """Measure requests, and serve all metrics of this process."""
    app.add_middleware(Metrics)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@dataclass
class Metrics:
    """ASGI middleware that measures requests by method, route and class of status.

    The duration is the time until the response ends, without background tasks.
    """

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        start = end = perf_counter()

        def observed_send(message: Message) -> Awaitable[None]:
            nonlocal status, end
            status, end = message.get("status", status), perf_counter()
            return send(message)

        IN_PROGRESS.inc()
        try:
            await self.app(scope, receive, observed_send)
        finally:
            IN_PROGRESS.dec()
            # Methods and paths that clients invent share one time series.
            method = scope["method"] if scope["method"] in METHODS else "other"
            labels = method, route_path(scope) or "none", f"{status // 100}xx"
            DURATION.labels(*labels).observe(end - start)
