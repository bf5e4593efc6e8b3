"""The model as a part of the service: loaded while it starts, run on threads of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException

from {{ cookiecutter.package_name }}.api.health import Readiness
from {{ cookiecutter.package_name }}.model.predictor import ModelError, Predictor
from {{ cookiecutter.package_name }}.settings import Settings

log = structlog.get_logger()


class Inference:
    """The model, once it is loaded, and the threads that it runs on."""

    def __init__(self, threads: int) -> None:
        """Begin without a model; at most so many predictions then run at once."""
        self.predictor: Predictor | None = None
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="inference")

    async def run[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function on one of the threads; the event loop turns meanwhile."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: function(*args, **kwargs))

    def stop(self) -> None:
        """Let go of the threads; what they are at is finished."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def part(app: FastAPI) -> AsyncIterator[None]:
    """Load the model in the background; the service is not ready before it is loaded and warm.

    A model that cannot be loaded leaves the service alive but not ready, with the reason: to
    start the process again would not mend the file.
    """
    settings: Settings = app.state.settings
    app.state.inference = Inference(settings.inference_threads)
    app.state.readiness.block("model", "It is loading.")
    loading = asyncio.create_task(_load(app.state.inference, app.state.readiness, settings))
    yield
    loading.cancel()
    app.state.inference.stop()


async def _load(inference: Inference, readiness: Readiness, settings: Settings) -> None:
    try:
        inference.predictor = await inference.run(
            Predictor.load, settings.model_path, threads=settings.onnx_threads
        )
    except ModelError as error:
        log.error("model not loaded", reason=str(error))  # noqa: TRY400 - the file is at fault
        readiness.block("model", str(error))
    else:
        description = inference.predictor.description
        log.info("model loaded", name=description.name, sha256=description.sha256)
        readiness.clear("model")


def loaded(request: Request) -> tuple[Inference, Predictor]:
    """Give the model of the running service.

    Raises:
        HTTPException: 503, with the reason, while there is none.
    """
    inference: Inference = request.app.state.inference
    if inference.predictor is None:
        raise HTTPException(503, request.app.state.readiness.reason)
    return inference, inference.predictor
