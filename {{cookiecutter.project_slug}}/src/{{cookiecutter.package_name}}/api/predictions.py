"""Predictions, and the model that makes them."""

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from pydantic_core import from_json
from starlette.exceptions import HTTPException

from {{ cookiecutter.package_name }}.api import problems
from {{ cookiecutter.package_name }}.api.inference import loaded
from {{ cookiecutter.package_name }}.model import schema
from {{ cookiecutter.package_name }}.model.predictor import Predictor, to_records

type Label = Literal["barolo", "grignolino", "barbera"]
type Probability = Annotated[float, Field(ge=0, le=1)]


class ModelVersion(BaseModel):
    """Which model made a prediction."""

    name: str
    version: str
    """The first digits of the hash of the model's file."""


class Prediction(BaseModel):
    """What the model says of one instance."""

    label: Label
    probabilities: dict[Label, Probability]


class Predictions(BaseModel):
    """One prediction for each instance, in the same order."""

    model: ModelVersion
    predictions: list[Prediction]


class Input(BaseModel):
    """One feature: a finite number between `minimum` and `maximum`."""

    name: str
    type: Literal["number"] = "number"
    description: str
    unit: str
    minimum: float
    maximum: float


class Output(BaseModel):
    """What the model tells apart."""

    labels: list[str]


class ModelCard(ModelVersion):
    """What there is to know of the model."""

    sha256: str
    inputs: list[Input]
    outputs: Output
    metrics: dict[str, float]


UNAVAILABLE: dict[int | str, dict[str, Any]] = {
    503: {"description": "The model is not loaded; `detail` says why"}
}


def new_router(max_instances: int) -> APIRouter:
    """Make the routes of a service that takes so many instances at once."""
    router = APIRouter(tags=["predictions"], responses=UNAVAILABLE)
    body = {
        "required": True,
        "content": {
            "application/json": {
                "schema": schema.request_schema(max_instances),
                "example": {"instances": [schema.EXAMPLE]},
            }
        },
    }

    # FastAPI would parse, validate and serialise on the event loop, instance by instance.
    @router.post("/predictions", response_model=Predictions, openapi_extra={"requestBody": body})
    async def predict(request: Request) -> Response:
        """Predict for one or many instances."""
        inference, predictor = loaded(request)
        if wrong := problems.not_json(request):
            raise HTTPException(415, wrong)
        content = await request.body()
        answer = await inference.threads.run(_predict, predictor, content, max_instances)
        return Response(answer, media_type="application/json")

    @router.get("/model")
    async def describe(request: Request) -> ModelCard:
        """Describe the model: what goes in, what comes out, how good it is."""
        _, predictor = loaded(request)
        return _card(predictor)

    return router


def _card(predictor: Predictor) -> ModelCard:
    description = predictor.description
    return ModelCard(
        name=description.name,
        version=description.version,
        sha256=description.sha256,
        inputs=[
            Input(
                name=feature.name,
                description=feature.description,
                unit=feature.unit,
                minimum=feature.low,
                maximum=feature.high,
            )
            for feature in schema.FEATURES
        ],
        outputs=Output(labels=list(schema.LABELS)),
        metrics=description.metrics,
    )


def _predict(predictor: Predictor, content: bytes, max_instances: int) -> bytes:
    """Answer a request's body with the body of its response."""
    instances = _instances(content, max_instances)
    try:
        features = schema.to_array(instances)
    except schema.InstancesError as error:
        problems = [(("instances", *path), detail) for path, detail in error.problems]
        raise _invalid(*problems) from error
    description = predictor.description
    return orjson.dumps(
        {
            "model": {"name": description.name, "version": description.version},
            "predictions": to_records(predictor.predict(features)),
        }
    )


def _instances(content: bytes, max_instances: int) -> list[Any]:
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        try:
            # This parser is slower, but takes NaN and Infinity, so that their place can be named.
            body = from_json(content)
        except ValueError as error:
            raise _invalid(((), str(error)), kind="json_invalid") from error
    if not isinstance(body, dict):
        raise _invalid(((), "Must be an object."))
    unknown = [name for name in body if name != "instances"]
    if unknown:
        raise _invalid(*(((name[:64],), "There is no such field.") for name in unknown[:20]))
    if "instances" not in body:
        raise _invalid((("instances",), "Is missing."))
    instances = body["instances"]
    if not isinstance(instances, list):
        raise _invalid((("instances",), "Must be an array."))
    if not 1 <= len(instances) <= max_instances:
        detail = f"Must hold between 1 and {max_instances} instances, not {len(instances)}."
        raise _invalid((("instances",), detail))
    return instances


def _invalid(
    *problems: tuple[tuple[str | int, ...], str], kind: str = "value_error"
) -> RequestValidationError:
    return RequestValidationError(
        [{"type": kind, "loc": ("body", *path), "msg": detail} for path, detail in problems]
    )
