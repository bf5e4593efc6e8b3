"""Predict, and describe the model."""

import asyncio
import timeit
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import copy_context
from functools import partial
from typing import Annotated, Any

import structlog
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import REGISTRY
from pydantic import BaseModel, Field, ValidationError, WrapValidator, create_model

from {{ cookiecutter.package_name }}.errors import invalid_request
from {{ cookiecutter.package_name }}.health import NotReadyError
from {{ cookiecutter.package_name }}.model.batch import to_records
from {{ cookiecutter.package_name }}.model.features import (
    RangeError,
    Schema,
    whole_to_integer,
)
from {{ cookiecutter.package_name }}.model.metrics import ModelMetrics
from {{ cookiecutter.package_name }}.model.predictor import (
    ModelError,
    Predictor,
    load_predictor,
)

INLINE_SECONDS = 0.001
"""Predictions that take less time run without a thread: switching to one takes as long."""
log = structlog.get_logger()


class Inference:
    """Runs a model, in a thread unless it is fast, and counts its predictions."""

    def __init__(
        self, schema: Schema, predictor: Predictor, threads: int, max_instances: int
    ) -> None:
        """Measure how fast the model is for one instance, and for as many as a request may have."""
        self.info, self.metrics = predictor.info, ModelMetrics(schema, predictor.info)
        self.executor = ThreadPoolExecutor(threads, "inference")
        self._schema, self._predictor = schema, predictor
        self._max_inline = 0
        for count in (1, max_instances):
            predict = partial(predictor.predict, [schema.example] * count)
            if min(timeit.repeat(predict, number=1, repeat=3)) < INLINE_SECONDS:
                self._max_inline = count

    async def predict(self, instances: Sequence[BaseModel]) -> list[dict[str, Any]]:
        """Predict for one or many instances."""
        if len(instances) <= self._max_inline:
            return self._predict(instances)
        loop, run = asyncio.get_running_loop(), copy_context().run  # Keep the request's IDs.
        return await loop.run_in_executor(self.executor, run, self._predict, instances)

    def _predict(self, instances: Sequence[BaseModel]) -> list[dict[str, Any]]:
        predictions = to_records(self._schema, self._predictor.predict(instances))
        self.metrics.count_predictions(instances, predictions)
        return predictions


@asynccontextmanager
async def model_lifespan(app: FastAPI, schema: Schema) -> AsyncIterator[None]:
    """Load the model. If it cannot be served, the service is not ready, and `/readyz` says why."""
    settings, app.state.inference = app.state.settings, None

    async def check_model() -> None:
        if not app.state.inference:
            raise NotReadyError(app.state.model_error)

    app.state.readiness_checks["model"] = check_model
    try:
        predictor = load_predictor(schema, settings.model_path, threads=settings.onnx_threads)
    except ModelError as error:
        log.error("model not loaded", reason=str(error))  # noqa: TRY400 - the file is at fault
        app.state.model_error = str(error)
        yield
        return
    inference = Inference(schema, predictor, settings.inference_threads, settings.max_instances)
    app.state.inference = inference
    REGISTRY.register(inference.metrics)
    try:
        with inference.executor:
            yield
    finally:
        REGISTRY.unregister(inference.metrics)


def get_inference(app: FastAPI) -> Inference:
    """Return the served model, or respond with 503 if there is none."""
    inference: Inference | None = app.state.inference
    if inference is None:
        raise HTTPException(503, app.state.model_error)
    return inference


class Model(BaseModel):
    """The model that made a prediction."""

    name: str
    version: str


class ModelDescription(Model):
    """A model, its scores on held-out rows, and the JSON Schemas of its features and target."""

    metrics: dict[str, float]
    features: dict[str, Any]
    target: dict[str, Any]


class Classification(BaseModel):
    """The most probable label of an instance, and the probabilities of all labels."""

    label: str
    probabilities: dict[str, float]


class Value(BaseModel):
    """The predicted value of an instance."""

    value: float


class Predictions[P](BaseModel):
    """One prediction for each instance, in the same order."""

    model: Model
    predictions: list[P]


def validate_instances(instances: Any, validate: Callable[[Any], Any]) -> Any:
    """Validate instances; if they are invalid, try again with whole numbers as integers."""
    try:
        return validate(instances)
    except ValidationError:
        if not isinstance(instances, list):
            raise
    return validate(
        [whole_to_integer(each) if isinstance(each, dict) else each for each in instances]
    )


async def count_refused(request: Request, error: RequestValidationError) -> Response:
    """Respond to an invalid request, and count its refused values."""
    if inference := getattr(request.app.state, "inference", None):
        inference.metrics.count_refused(error.errors())
    return await invalid_request(request, error)


def add_routes(app: FastAPI, schema: Schema, max_instances: int) -> None:
    """Add the routes for a schema directly to the application, because a router is slower."""
    features: Any = schema.features_model
    field = Field(min_length=1, max_length=max_instances, examples=[[schema.example_json()]])

    class PredictionRequest(BaseModel, extra="forbid"):
        """The instances to predict for."""

        instances: Annotated[list[features], field, WrapValidator(validate_instances)]

    prediction: Any = Value
    if schema.labels:
        label: Any = schema.target_model.model_fields[schema.target.name].annotation
        prediction = create_model("Prediction", __base__=Classification, label=(label, ...))

    app.exception_handler(RequestValidationError)(count_refused)

    @app.post("/predictions", tags=["predictions"], response_model=Predictions[prediction])
    async def predict(body: PredictionRequest, request: Request) -> Any:
        """Predict for one or many instances."""
        inference = get_inference(request.app)
        structlog.contextvars.bind_contextvars(model_version=inference.info.version)
        try:
            predictions = await inference.predict(body.instances)
        except RangeError as error:
            raise HTTPException(422, f"The model {error}") from None
        return {"model": inference.info, "predictions": predictions}

    @app.get("/model", tags=["predictions"])
    async def describe_model(request: Request) -> ModelDescription:
        """Describe the model: its features, its target, and its scores."""
        info = get_inference(request.app).info
        return ModelDescription(
            name=info.name,
            version=info.version,
            metrics=info.metrics,
            features=schema.features_model.model_json_schema(),
            target=schema.target_model.model_json_schema(),
        )
