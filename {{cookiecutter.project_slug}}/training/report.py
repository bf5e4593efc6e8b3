"""Write a report that shows how good the model is."""

import base64
import html
import io
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.calibration import CalibrationDisplay
from sklearn.inspection import permutation_importance

from {{ cookiecutter.package_name }}.model.features import Schema

from training.evaluate import Evaluation, predict
from training.pipeline import NAME

ROWS = 2000
"""How many held-out rows the figures show."""
CURVES, BARS = 10, 30
"""How many labels have curves, and how many features have bars."""

mpl.rcParams["text.parse_math"] = False  # The names of columns may have dollar signs.

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>$title</title>
<style>
  body { font-family: sans-serif }
  th, td { padding: 0.2em 1em 0.2em 0; text-align: left }
</style>
<h1>$title</h1>
<p>$description</p>
<p>Trained on $train rows. The scores are for $test other rows, the figures for $shown of these.</p>
<table><tr><th>Score<th>Model<th>Baseline$scores</table>
$figures
</html>
""")


def write_report(evaluation: Evaluation, path: Path) -> None:
    """Write an HTML page that contains its figures."""
    schema, model, split = evaluation.schema, evaluation.model, evaluation.split
    table, target = split.test.iloc[:ROWS], split.test_target[:ROWS]
    output = predict(schema, model, table)
    figures = [*(draw_classes if schema.labels else draw_values)(schema, output, target)]
    figures.append(draw_importance(schema, model, table, target))
    scores = "".join(
        f"<tr><td>{key.replace('_', ' ')}<td>{score:.4g}<td>{evaluation.baseline[key]:.4g}"
        for key, score in evaluation.scores.items()
    )
    page = PAGE.substitute(
        title=html.escape(f"{NAME}: {schema.target.column}"),
        description=html.escape(schema.features_model.__doc__ or ""),
        train=len(split.train),
        test=len(split.test),
        shown=len(table),
        scores=scores,
        figures="\n".join(to_html(figure) for figure in figures),
    )
    path.write_text(page, encoding="utf-8")


def draw_classes(schema: Schema, output: NDArray[Any], target: NDArray[Any]) -> Iterator[Figure]:
    """Draw ROC, precision-recall and calibration of each label, and the confusion matrix."""
    labels = schema.labels
    shown = [1] if len(labels) == 2 else range(min(len(labels), CURVES))  # noqa: PLR2004 - binary
    for display in (metrics.RocCurveDisplay, metrics.PrecisionRecallDisplay, CalibrationDisplay):
        figure, axes = create_figure()
        for index in shown:
            display.from_predictions(target == index, output[:, index], name=labels[index], ax=axes)
        axes.set_title("One label against the rest" if len(shown) > 1 else "")
        yield figure
    figure, axes = create_figure()
    metrics.ConfusionMatrixDisplay.from_predictions(
        target,
        output.argmax(axis=1),
        labels=range(len(labels)),
        display_labels=labels,
        xticks_rotation="vertical",
        ax=axes,
    )
    yield figure


def draw_values(schema: Schema, output: NDArray[Any], target: NDArray[Any]) -> Iterator[Figure]:
    """Draw the predicted against the true values, and the residuals."""
    for kind in ("actual_vs_predicted", "residual_vs_predicted"):
        figure, axes = create_figure()
        metrics.PredictionErrorDisplay.from_predictions(target, output, kind=kind, ax=axes)
        axes.set_title(schema.target_model.model_fields[schema.target.name].description or "")
        yield figure


def draw_importance(
    schema: Schema, model: Any, table: pd.DataFrame, target: NDArray[Any]
) -> Figure:
    """Draw how much worse the predictions get if the values of a feature are shuffled."""
    name, options = "root_mean_squared_error", dict[str, Any]()
    if labels := [*range(len(schema.labels))]:  # A rare one may be missing in these rows.
        name, options = "log_loss", {"response_method": "predict_proba", "labels": labels}
    scorer = metrics.make_scorer(getattr(metrics, name), greater_is_better=False, **options)
    importance = permutation_importance(
        model, table, target, scoring=scorer, n_repeats=3, random_state=0
    )
    order = np.argsort(importance.importances_mean)[-BARS:]
    figure, axes = create_figure()
    columns = [schema.features[index].column for index in order]
    axes.barh(columns, importance.importances_mean[order])
    axes.set_title("Permutation importance")
    axes.set_xlabel(f"Increase of the {name.replace('_', ' ')}")
    return figure


def create_figure() -> tuple[Figure, Axes]:
    """Create a figure without a window."""
    figure = Figure(layout="constrained")
    return figure, figure.subplots()


def to_html(figure: Figure) -> str:
    """Convert a figure to an image in the page."""
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    return f'<img src="data:image/svg+xml;base64,{base64.b64encode(file.getvalue()).decode()}">'
