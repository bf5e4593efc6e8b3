"""Train the model: `python -m training [--data FILE]`."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from threadpoolctl import threadpool_limits

from {{ cookiecutter.package_name }}.model.batch import FileError
from {{ cookiecutter.package_name }}.model.predictor import PACKAGED_MODEL
from {{ cookiecutter.package_name }}.model.schema import SCHEMA

from training.data import DataError, load
from training.evaluate import evaluate, hold_out
from training.export import ExportError, export
from training.pipeline import DATA, create_pipeline
from training.report import write_report


def train(data: Path, output: Path, report: Path) -> None:
    """Train on a file, and write the model and the report."""
    console = Console(stderr=True, force_terminal=sys.stderr.isatty())
    with console.status("Reading the data") as status:
        dataset = load(SCHEMA, data)
        split = hold_out(SCHEMA, dataset)
        status.update("Training")
        pipeline = create_pipeline(SCHEMA, split.train).fit(split.train, split.train_target)
        with threadpool_limits(limits=1):  # From here on, threads cost more than they save.
            status.update("Evaluating")
            evaluation = evaluate(SCHEMA, pipeline, split)
            status.update("Exporting")
            content, difference = export(evaluation)
            status.update("Writing the report")
            write_report(evaluation, report)
        partial = output.with_name(f".{output.name}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(output)
        finally:
            partial.unlink(missing_ok=True)
    print(f"Trained on {len(split.train)} rows and evaluated on {len(split.test)} others;", end=" ")
    print(f"skipped {dataset.skipped} rows without {SCHEMA.target.column}.")
    for name, score in evaluation.scores.items():
        baseline = evaluation.baseline[name]
        is_better = score < baseline if name.endswith(("error", "loss")) else score > baseline
        remark = "" if is_better else ", not beaten"
        print(f"  {name:26} {score:10.4f}   (baseline {baseline:.4f}{remark})")
    print(f"ONNX Runtime and scikit-learn differ by at most {difference:.1e}.")
    print(f"Wrote {output} and {report}.")


def main() -> None:
    """Parse the command line, and exit with status 1 and a message if training fails."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Train the model.")
    parser.add_argument("--data", type=Path, default=DATA, help="CSV file (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=PACKAGED_MODEL, help="ONNX file")
    parser.add_argument("--report", type=Path, default=Path("report.html"), help="HTML file")
    try:
        train(**vars(parser.parse_args()))
    except (DataError, ExportError, FileError, OSError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
