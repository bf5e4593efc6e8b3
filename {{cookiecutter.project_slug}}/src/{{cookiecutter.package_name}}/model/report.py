"""The report on a trained model: figures as JSON, a picture, and a page for people."""

import html
import json
import math
from dataclasses import asdict
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from string import Template

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from {{ cookiecutter.package_name }}.files import replacing
from {{ cookiecutter.package_name }}.model.schema import FEATURES
from {{ cookiecutter.package_name }}.model.training import Evaluation, Importance

INK, SOFT, PALE, ACCENT = "#221c1e", "#75696d", "#f4efed", "#8a1c3b"

DESCRIPTIONS = {feature.name: feature.description for feature in FEATURES}


def write(folder: Path, model: bytes, evaluation: Evaluation) -> Path:
    """Write the model and its report into `folder`; each file appears whole or not at all.

    Returns:
        The page. Beside it are `report.png`, `metrics.json` and, last, `model.onnx`.

    Raises:
        FileError: a file cannot be written.
    """
    contents = {
        "metrics.json": (json.dumps(asdict(evaluation), indent=2) + "\n").encode(),
        "report.png": to_png(evaluation),
        "report.html": to_html(evaluation).encode(),
        "model.onnx": model,
    }
    for name, content in contents.items():
        with replacing(folder / name) as file:
            file.write(content)
    return folder / "report.html"


def to_png(evaluation: Evaluation) -> bytes:
    """Draw the confusion matrix and the features' importance, side by side."""
    figure = Figure(figsize=(12, 5.2), layout=ConstrainedLayoutEngine(w_pad=0.3, h_pad=0.2))
    matrix, bars = figure.subplots(1, 2, width_ratios=(4, 5))
    _draw_matrix(matrix, evaluation)
    _draw_bars(bars, evaluation.importance[::-1])
    for axes in matrix, bars:
        axes.tick_params(which="both", colors=INK, length=0)
        axes.spines[:].set_visible(False)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=150, metadata={"Software": None})
    return content.getvalue()


def _draw_matrix(axes: Axes, evaluation: Evaluation) -> None:
    counts = np.array(evaluation.confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    labels = [label.title() for label in evaluation.labels]
    axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("shares", [PALE, ACCENT]), vmin=0)
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else INK  # noqa: PLR2004 - half as dark
        axes.text(column, row, str(count), ha="center", va="center", fontsize=17, color=colour)
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    for set_ticks in axes.set_xticks, axes.set_yticks:
        set_ticks(np.arange(len(labels) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=5)
    axes.set_xlabel("Predicted", color=SOFT, labelpad=8)
    axes.set_ylabel("True", color=SOFT, labelpad=8)
    title = f"{evaluation.name}: {evaluation.test_rows} test rows"
    axes.set_title(title, loc="left", color=INK, weight="bold", pad=12)


def _draw_bars(axes: Axes, importance: list[Importance]) -> None:
    axes.barh(
        [DESCRIPTIONS[it.feature] for it in importance],
        [it.mean for it in importance],
        xerr=[it.deviation for it in importance],
        color=ACCENT,
        ecolor=SOFT,
        height=0.6,
    )
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.set_xlabel("Rise of the log loss when shuffled", color=SOFT, labelpad=8)
    axes.set_title("Importance of the features", loc="left", color=INK, weight="bold", pad=12)


def to_html(evaluation: Evaluation) -> str:
    """Make the page; it needs nothing but itself, follows light and dark, and prints."""
    correct = sum(row[index] for index, row in enumerate(evaluation.confusion))
    template = files(__package__).joinpath("report.template.html").read_text("utf-8")
    return Template(template).substitute(
        name=html.escape(evaluation.name),
        accuracy=f"{correct / evaluation.test_rows:.1%}",
        features=len(FEATURES),
        interval=f"{evaluation.accuracy_low:.1%} to {evaluation.accuracy_high:.1%}",
        correct=correct,
        wrong=evaluation.test_rows - correct,
        log_loss=f"{evaluation.log_loss:.3f}",
        guess=f"{math.log(len(evaluation.labels)):.3f}",
        train_rows=evaluation.train_rows,
        test_rows=evaluation.test_rows,
        strength=f"{evaluation.strength:g}",
        heads="".join(f"<th scope=col>{html.escape(it.title())}</th>" for it in evaluation.labels),
        matrix=_matrix(evaluation),
        bars=_bars(evaluation.importance),
    )


def _matrix(evaluation: Evaluation) -> str:
    """One row of cells for each true label, shaded by its share of that label's rows."""
    rows = []
    for true, counts in enumerate(evaluation.confusion):
        cells = "".join(
            f'<td class="{"hit" if true == predicted else "miss" if count else "none"}"'
            f' style="--share:{count / (sum(counts) or 1):.3f}">{count}</td>'
            for predicted, count in enumerate(counts)
        )
        found = counts[true] / (sum(counts) or 1)
        label = html.escape(evaluation.labels[true].title())
        rows.append(f"<tr><th scope=row>{label}</th>{cells}<td class=found>{found:.0%}</td></tr>")
    return "\n".join(rows)


def _bars(importance: list[Importance]) -> str:
    """One bar for each feature, as long as its share of the most important one."""
    longest = max(it.mean for it in importance) or 1
    return "\n".join(
        f"<tr><th scope=row>{html.escape(DESCRIPTIONS[it.feature])}</th>"
        f'<td class=track><i style="width:{max(it.mean, 0) / longest:.1%}"></i></td>'
        f"<td class=number>{_signed(it.mean)}</td><td class=spread>± {it.deviation:.3f}</td></tr>"
        for it in importance
    )


def _signed(number: float) -> str:
    return f"{number:.3f}".replace("-", "\u2212")
