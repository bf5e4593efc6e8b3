"""The model as a part of the service: loaded while it starts, run on threads of its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException

from {{ cookiecutter.package_name }}.api.health import Readiness
from {{ cookiecutter.package_name }}.api.threads import Threads
from {{ cookiecutter.package_name }}.model.predictor import ModelError, Predictor
from {{ cookiecutter.package_name }}.settings import Settings

log = structlog.get_logger()


class Inference:
    """The model, once it is loaded, and the threads that it runs on."""

    def __init__(self, threads: Threads) -> None:
        """Begin without a model."""
        self.predictor: Predictor | None = None
        self.threads = threads


@asynccontextmanager
async def part(app: FastAPI) -> AsyncIterator[None]:
    """Load the model in the background; the service is not ready before it is loaded and warm.

    A model that cannot be loaded leaves the service alive but not ready, with the reason: to
    start the process again would not mend the file.
    """
    settings: Settings = app.state.settings
    threads = Threads(settings.inference_threads)
    app.state.inference = Inference(threads)
    app.state.readiness.block("model", "It is loading.")
    loading = asyncio.create_task(_load(app.state.inference, app.state.readiness, settings))
    yield
    loading.cancel()
    threads.stop()


async def _load(inference: Inference, readiness: Readiness, settings: Settings) -> None:
    try:
        load = partial(Predictor.load, settings.model_path, threads=settings.onnx_threads)
        inference.predictor = await inference.threads.run(load)
    except ModelError as error:
        log.error("model not loaded", reason=str(error))  # noqa: TRY400 - the file is at fault
        readiness.block("model", str(error))
    except Exception as error:
        log.exception("model not loaded")
        readiness.block("model", f"It cannot be loaded: {error!r}")
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
