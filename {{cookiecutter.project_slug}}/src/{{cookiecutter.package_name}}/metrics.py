"""Metrics for Prometheus: `/metrics`."""

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, Info, generate_latest
from starlette.types import Scope

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.routes import route_path

METHODS = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "WEBSOCKET"}
DURATION = Histogram(
    "http_request_duration_seconds", "Duration of requests.", ["method", "route", "status"]
)
Info("application_build", "The running version.").info({"version": __version__})


def add_metrics(app: FastAPI) -> None:
    """Measure requests, and serve all metrics of this process."""
    app.state.request_observers.append(observe_request)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def observe_request(scope: Scope, status: int | None, seconds: float) -> None:
    """Record the duration of a request by its method, its route and the class of its status."""
    # Methods and paths that clients invent share one time series.
    method = scope.get("method", "WEBSOCKET")
    method = method if method in METHODS else "other"
    labels = method, route_path(scope) or "none", f"{(status or 500) // 100}xx"
    DURATION.labels(*labels).observe(seconds)
