"""The application factory: what the API is made of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.api import health, problems, quotes
from {{ cookiecutter.package_name }}.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Make the ASGI application; it starts its parts when the server starts it."""
    app = FastAPI(
        title="{{ cookiecutter.project_slug }}",
        version=__version__,
        lifespan=lifespan,
        responses=problems.RESPONSES,
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.readiness = health.Readiness()
    problems.install(app)
    app.include_router(health.router)
    app.include_router(quotes.router)
    return app


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Be ready from the moment that all parts have started until the first of them stops."""
    readiness: health.Readiness = app.state.readiness
    readiness.clear("service")
    yield
    readiness.block("service", "It is stopping.")
