"""What every API is made of, whatever it serves."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from fastapi import APIRouter, FastAPI

from {{ cookiecutter.package_name }} import __version__
from {{ cookiecutter.package_name }}.api import (
    docs,
    draining,
    health,
    metrics,
    middleware,
    problems,
)
from {{ cookiecutter.package_name }}.settings import Settings

type Part = Callable[[FastAPI], AbstractAsyncContextManager[None]]
"""Something that starts and stops with the service, such as a pool of connections."""


def new_app(settings: Settings, routers: Sequence[APIRouter], *parts: Part) -> FastAPI:
    """Make an ASGI application that serves `routers`, and all that operating it needs.

    The server starts `parts` in their order and stops them in the reverse. They find the settings
    and the readiness in `app.state`.
    """
    app = FastAPI(
        title="{{ cookiecutter.project_slug }}",
        version=__version__,
        lifespan=_lifespan((draining.part, metrics.part, *parts)),
        responses=problems.RESPONSES,
        openapi_url=None,  # `docs` serves it.
        redirect_slashes=False,  # A redirect would go to the host that the client named.
        telemetry={
            "tracing": settings.traces,
            "auto_configure": settings.traces,
            "metrics": False,
            "logs": False,
        },
    )
    app.state.settings = settings
    app.state.readiness = health.Readiness()
    problems.install(app)
    middleware.install(app, settings)
    # Routes are tried in their order, and those of operation are asked less often.
    operation = [health.router, metrics.router, *([docs.router] if settings.docs else [])]
    for router in (*routers, *operation):
        app.include_router(router)
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
