"""The command line: `serve`, `probe`, `train` and `predict`.

What needs the model is imported by the command that needs it: the others stay quick.
"""
# ruff: noqa: PLC0415 - keeps `--help` quick

from pathlib import Path
from typing import Annotated

import structlog
import typer

from {{ cookiecutter.package_name }}.api import commands
from {{ cookiecutter.package_name }}.files import FileError
from {{ cookiecutter.package_name }}.progress import progress
from {{ cookiecutter.package_name }}.startup import new_app, start

app = new_app(
    "Train, serve and ask the model. Every setting comes from the environment: see .env.example."
)
commands.install(app)

TRAINING_ONLY = {"matplotlib", "onnx", "skl2onnx", "sklearn"}


@app.command()
def train(
    folder: Annotated[Path | None, typer.Option(help="Where to; the package if not given.")] = None,
) -> None:
    """Train the model and write it, with a report beside it."""
    start()
    log = structlog.get_logger()
    folder = folder or Path(__file__).parent / "model"
    if not folder.is_dir():
        log.error("no such folder", folder=str(folder))
        raise typer.Exit(1)
    try:
        from {{ cookiecutter.package_name }}.model import report, training
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in TRAINING_ONLY:
            raise
        log.error(  # noqa: TRY400 - the installation is at fault, not the code
            "training needs the dependency group `train`, which the production image leaves out; "
            "install it in the development environment with: poetry sync",
            missing=missing,
        )
        raise typer.Exit(1) from None
    with progress("Training") as on_progress:
        trained = training.train(on_progress)
    model = training.export(trained)
    try:
        page = report.write(folder, model, trained.evaluation)
    except FileError as error:
        log.error(str(error))  # noqa: TRY400 - the folder is at fault, not the code
        raise typer.Exit(1) from None
    log.info("model trained", accuracy=trained.evaluation.accuracy, report=str(page))


@app.command()
def predict(
    source: Annotated[
        Path, typer.Argument(help="CSV with a header, or JSON Lines.", metavar="FILE")
    ],
    target: Annotated[
        Path | None,
        typer.Option("--output", help="JSON Lines file; FILE.predictions.jsonl if not given."),
    ] = None,
) -> None:
    """Predict for every row of FILE.

    The output appears when all of it is written, or not at all. The exit status is 0 when every
    row is predicted, 1 when a file or the model is at fault, 2 when the command or a setting is.
    """
    settings = start()
    log = structlog.get_logger()
    from {{ cookiecutter.package_name }}.model import batch
    from {{ cookiecutter.package_name }}.model.predictor import ModelError, Predictor

    target = target or source.with_name(f"{source.name}.predictions.jsonl")
    try:
        predictor = Predictor.load(settings.model_path, threads=settings.onnx_threads)
        with progress("Predicting") as on_progress:
            rows = batch.predict_file(predictor, source, target, on_progress=on_progress)
    except (FileError, ModelError) as error:
        for line in str(error).splitlines():
            log.error(line)  # noqa: TRY400 - the input is at fault, not the code
        raise typer.Exit(1) from None
    log.info("predicted", target=str(target), rows=rows, model=predictor.description.version)
