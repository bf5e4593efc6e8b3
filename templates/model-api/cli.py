{% include "web-api/cli.py" %}


def load_model() -> Any:
    """Load the model; if it cannot be served, say why and exit with status 1."""
    from {{ cookiecutter.package_name }}.model import predictor, schema  # noqa: PLC0415 - see `serve`

    with reported_settings() as settings:
        path, threads = settings.model_path, settings.onnx_threads
    try:
        return predictor.load_predictor(schema.SCHEMA, path, threads=threads)
    except predictor.ModelError as error:
        sys.exit(f"The model cannot be served: {error}")


@app.command()
def model() -> None:
    """Describe the model, or exit with status 1 and say why it cannot be served."""
    info = load_model().info
    typer.echo(f"{info.name}, version {info.version}")
    for name, score in info.metrics.items():
        typer.echo(f"{name}: {score:.4g}")


@app.command()
def predict(
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines (.jsonl) or Parquet (.parquet).")],
    output: Annotated[Path, typer.Option(help="FILE with predictions, in the same format.")],
) -> None:
    """Predict for each row of FILE. If one is invalid, exit with status 1 and write nothing."""
    from {{ cookiecutter.package_name }}.model import batch, schema  # noqa: PLC0415 - see `serve`

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Remove partial output.
    predictor = load_model()
    try:
        rows = batch.predict_file(schema.SCHEMA, predictor, file, output)
    except (batch.FileError, OSError) as error:
        sys.exit(str(error))
    typer.echo(f"Wrote {rows} rows to {output}, predicted by version {predictor.info.version}.")