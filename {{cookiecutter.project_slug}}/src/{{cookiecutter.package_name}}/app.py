"""The application: its routes, resources and middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from {{ cookiecutter.package_name }} import __version__, errors, health, logs
from {{ cookiecutter.package_name }}.access_log import AccessLog
from {{ cookiecutter.package_name }}.docs import add_docs
from {{ cookiecutter.package_name }}.limits import Limits
from {{ cookiecutter.package_name }}.metrics import add_metrics
{%- if cookiecutter.application == "model-api" %}
from {{ cookiecutter.package_name }}.model.schema import SCHEMA
from {{ cookiecutter.package_name }}.routes import predictions
{%- else %}
from {{ cookiecutter.package_name }}.routes import quotes
{%- endif %}
from {{ cookiecutter.package_name }}.settings import Settings, load


@asynccontextmanager
async def lifespan({% if cookiecutter.application != "model-api" %}_{% endif %}app: FastAPI) -> AsyncIterator[None]:
    """Open resources, such as a pool of connections, before `yield`, and close them after it.

    Keep them in `app.state`, and add a check, which raises an exception, for each that the service
    cannot do without: `app.state.readiness_checks["database"] = pool.ping`.
    """
{%- if cookiecutter.application == "model-api" %}
    async with predictions.model_lifespan(app, SCHEMA):
        yield
{%- else %}
    yield
{%- endif %}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Create the application, with settings from the environment if none are given."""
    if settings is None:
        settings = load()
        logs.configure(settings.log_level, settings.log_format)
    app = FastAPI(
        title="{{ cookiecutter.project_slug }}",
        version=__version__,
        lifespan=lifespan,
        openapi_url="/openapi.json" if settings.docs else None,
        docs_url=None,
        redoc_url=None,
        exception_handlers=errors.HANDLERS,
        responses=errors.RESPONSES,
        telemetry={"metrics": False, "logs": False},
    )
    app.state.settings, app.state.readiness_checks = settings, {}
{%- if cookiecutter.application == "model-api" %}
    routers = predictions.create_router(SCHEMA, settings.max_instances), health.router
{%- else %}
    routers = quotes.router, health.router
{%- endif %}
    for router in routers:
        app.include_router(router, max_body_size=settings.max_body_bytes)
    if settings.docs:
        add_docs(app)

    # The middleware that is added last is the outermost.
    app.add_middleware(
        Limits,
        seconds=settings.request_timeout_seconds,
        concurrent=settings.max_concurrent_requests,
    )
    add_metrics(app)
    app.add_middleware(AccessLog)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=["X-Request-ID"],
        )
    return app
