"""The services to measure, in the environment of a rendered project.

`python services.py NAME SERVER` serves one of them: `template` is the rendered web API with its own
command line, `fastapi` is FastAPI as in its tutorial with the server's access log, and `libraries`
has the request IDs, metrics and log of `template` from libraries. SERVER is `granian`, or a value
of Uvicorn's option `--http`.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.middleware.base import RequestResponseEndpoint

router = APIRouter()


class Item(BaseModel):
    """An item for sale."""

    name: str
    price: float
    tags: list[str] = []


@router.get("/items/{number}")
async def read_item(number: int) -> Item:
    """Return a small object after `number` hundredths of a second."""
    if number:
        await asyncio.sleep(number / 100)
    return Item(name="chair", price=49.9, tags=["wood", "four legs"])


@router.post("/items")
async def create_item(item: Item) -> Item:
    """Return the item of the request."""
    return item


@router.get("/large")
async def read_large() -> StreamingResponse:
    """Return 40 MB in chunks of 62.5 kB."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(640):
            yield bytes(62_500)

    return StreamingResponse(chunks())


@router.get("/broken")
async def read_broken() -> StreamingResponse:
    """Return a stream that fails halfway."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"first piece"
        await asyncio.sleep(0.1)
        raise RuntimeError("the stream broke")

    return StreamingResponse(chunks())


@router.websocket("/echo")
async def echo(websocket: WebSocket) -> None:
    """Accept with an additional header, and return one message."""
    await websocket.accept(headers=[(b"x-request-id", b"42")])
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


def fastapi() -> FastAPI:
    """Create FastAPI as in its tutorial."""
    app = FastAPI()
    app.include_router(router)
    return app


def template() -> FastAPI:
    """Create the rendered web API, with the routes above."""
    from my_application.app import create_app

    app = create_app()
    app.include_router(router)
    # Before the health checks and the docs, as the routers of the project.
    app.router.routes.insert(0, app.router.routes.pop())
    return app


def configure_logs() -> None:
    """Log JSON lines with the ID of the request, including the logs of libraries."""
    import structlog
    from asgi_correlation_id import correlation_id
    from structlog.typing import EventDict, Processor

    def add_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
        return {**event, "request_id": correlation_id.get()}

    # https://www.structlog.org/en/stable/standard-library.html
    shared: list[Processor] = [
        add_request_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(),
        ],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level="INFO", force=True)


def libraries() -> FastAPI:
    """Create FastAPI with request IDs, metrics and an access log, as in the libraries' manuals."""
    import structlog
    from asgi_correlation_id import CorrelationIdMiddleware
    from prometheus_fastapi_instrumentator import Instrumentator

    configure_logs()
    log = structlog.get_logger()
    app = fastapi()

    @app.middleware("http")
    async def access_log(request: Request, call_next: RequestResponseEndpoint) -> Response:
        start = perf_counter()
        response = await call_next(request)
        ms = round((perf_counter() - start) * 1000, 2)
        path, status = request.url.path, response.status_code
        log.info("request", method=request.method, path=path, status=status, ms=ms)
        return response

    Instrumentator().instrument(app).expose(app)
    app.add_middleware(CorrelationIdMiddleware)
    return app


def serve(name: str, server: str) -> None:
    """Serve on the port in the environment, until SIGTERM."""
    port = os.environ["MY_APPLICATION_PORT"]
    if server == "granian":
        command = [sys.executable, "-m", "granian", "--interface", "asgi", "--factory"]
        options = ["--port", port, "--loop", "uvloop", *os.environ.get("OPTIONS", "").split()]
        log = ["--access-log"] if name == "fastapi" else []
        arguments = [*command, *options, *log, f"services:{name}"]
        os.execv(sys.executable, arguments)  # noqa: S606 - no shell is needed
    run = uvicorn.run
    if name == "template":
        from my_application import cli

        uvicorn.run = lambda _, **options: run("services:template", **options | {"http": server})
        cli.app(["serve"])
    access_log = name == "fastapi"
    run(f"services:{name}", factory=True, port=int(port), http=server, access_log=access_log)


if __name__ == "__main__":
    os.chdir(Path(__file__).parent)
    serve(*sys.argv[1:])
