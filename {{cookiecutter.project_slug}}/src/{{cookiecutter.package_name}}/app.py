"""The application: its routes, resources and middleware."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from {{ cookiecutter.package_name }} import __version__, errors, health, logs
from {{ cookiecutter.package_name }}.access_log import AccessLog
from {{ cookiecutter.package_name }}.docs import add_docs
from {{ cookiecutter.package_name }}.limits import add_limits
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
    """Open resources, such as a connection pool, before `yield`, and close them after it.

    Keep them in `app.state`, and add a readiness check, a coroutine function that raises an
    exception if the service is not ready, to `app.state.readiness_checks`.
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
        telemetry={"metrics": False, "logs": False},  # Replaced by ours; traces stay on.
        max_body_size=settings.max_body_bytes,
    )
    app.state.settings = settings
    app.state.readiness_checks, app.state.request_observers = {}, []
    # Let the router check this, inside the middleware, so that a 413 has an ID and CORS headers.
    app.max_body_size = None
{%- if cookiecutter.application == "model-api" %}
    predictions.add_routes(app, SCHEMA, settings.max_instances)
{%- endif %}
    app.include_router(health.router)
    add_metrics(app)
    if settings.docs:
        add_docs(app)

{%- if cookiecutter.application == "web-api" %}
    # Include these last: a route for any path, such as `/{name}`, hides the routes after it.
    app.include_router(quotes.router)
{%- endif %}

    # Middleware added later wraps what was added before.
    add_limits(app)
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
