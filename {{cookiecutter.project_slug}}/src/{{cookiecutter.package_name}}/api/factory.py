"""What every API is made of, whatever it serves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.api import health, problems
from {{ cookiecutter.package_name }}.api.limits import BodyLimit
from {{ cookiecutter.package_name }}.settings import Settings

type Part = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Something that starts and stops with the service, such as a pool of connections."""


def new_app(settings: Settings, *parts: Part) -> FastAPI:
    """Make an ASGI application with health checks, problem documents and a limit on bodies.

    The server starts `parts` in their order and stops them in the reverse. They find the settings
    and the readiness in `app.state`.
    """
    app = FastAPI(
        title="{{ cookiecutter.project_slug }}",
        version=__version__,
        lifespan=_lifespan(parts),
        responses=problems.RESPONSES,
        docs_url="/docs" if settings.docs else None,
        openapi_url="/openapi.json" if settings.docs else None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.readiness = health.Readiness()
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.include_router(health.router)
    return app


def _lifespan(parts: tuple[Part, ...]) -> Part:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        """Be ready from the moment that all parts have started until the first of them stops."""
        readiness: health.Readiness = app.state.readiness
        async with AsyncExitStack() as started:
            for part in parts:
                await started.enter_async_context(part(app))
            readiness.clear("service")
            yield
            readiness.block("service", "It is stopping.")

    return lifespan
