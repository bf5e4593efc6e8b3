"""Train the model with scikit-learn, evaluate it, and export it to ONNX.

Which wine is in the bottle? A laboratory measures 13 features of it, and the model tells three
wines of Piedmont apart. The data are the 178 bottles that come with scikit-learn (Forina et al.,
1988). Training needs the dependency group `train`, which the production image leaves out.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_wine
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, log_loss
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from {{ cookiecutter.package_name }}.files import Progress
from {{ cookiecutter.package_name }}.model.predictor import INPUT, ModelError, Predictor
from {{ cookiecutter.package_name }}.model.schema import LABELS, NAMES

NAME = "wine-origin"
SEED = 1
TEST_SHARE = 0.3
TOLERANCE = 1e-5
"""How far apart the probabilities of ONNX Runtime and scikit-learn may be."""
FOLDS = 5
SHUFFLES = 20
STRENGTHS = tuple(float(strength) for strength in np.logspace(-2, 2, 9).round(4))
"""The candidates for the inverse of the regularisation's strength, the strongest first."""

DATA_NAMES = {"od280/od315_of_diluted_wines": "od280_od315_ratio"}
"""The features that the data set calls otherwise."""

type Floats = NDArray[np.float64]
type Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Data:
    """Rows of features, shape (n, 13), and their labels, shape (n,), as indices of `LABELS`."""

    features: Floats
    labels: Indices


@dataclass(frozen=True)
class Importance:
    """How much the log loss rises when one feature's values are shuffled among the rows."""

    feature: str
    mean: float
    deviation: float


@dataclass(frozen=True)
class Evaluation:
    """How the model was made, and how it does on rows that it was not trained on."""

    name: str
    train_rows: int
    test_rows: int
    strength: float
    accuracy: float
    accuracy_low: float
    """The lower end of the accuracy's 95 % interval."""
    accuracy_high: float
    log_loss: float
    labels: tuple[str, ...]
    confusion: list[list[int]]
    """Test rows by their true label (outer) and the predicted one (inner)."""
    importance: list[Importance]
    """The most important feature first."""


@dataclass(frozen=True)
class Trained:
    """A trained model."""

    pipeline: Pipeline
    test: Data
    evaluation: Evaluation


def load() -> tuple[Data, Data]:
    """Load the data set and split it into rows to train on and rows to test on."""
    bunch = load_wine()
    names = [DATA_NAMES.get(name, name) for name in bunch.feature_names]
    features = bunch.data[:, [names.index(name) for name in NAMES]]
    train_x, test_x, train_y, test_y = train_test_split(
        features, bunch.target, test_size=TEST_SHARE, stratify=bunch.target, random_state=SEED
    )
    return Data(train_x, train_y), Data(test_x, test_y)


def train(on_progress: Progress) -> Trained:
    """Choose the regularisation by cross-validation, fit, and evaluate on the test rows.

    Args:
        on_progress: called after every step with the steps that are done and that there are.
    """
    training, test = load()
    # So few rows are quicker on one thread, and sums then do not depend on the number of CPUs.
    with threadpool_limits(limits=1):
        strength = choose_strength(training, on_progress)
        pipeline = new_pipeline(strength).fit(training.features, training.labels)
        evaluation = evaluate(pipeline, test, len(training.labels), strength)
    on_progress(len(STRENGTHS) + 1, len(STRENGTHS) + 1)
    return Trained(pipeline, test, evaluation)


def choose_strength(training: Data, on_progress: Progress) -> float:
    """Give the strongest regularisation whose log loss is within a standard error of the best."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    scores = np.empty((len(STRENGTHS), FOLDS))
    for step, strength in enumerate(STRENGTHS):
        scores[step] = cross_val_score(
            new_pipeline(strength),
            training.features,
            training.labels,
            scoring="neg_log_loss",
            cv=folds,
        )
        on_progress(step + 1, len(STRENGTHS) + 1)
    means, best = scores.mean(axis=1), scores.mean(axis=1).argmax()
    good = means >= means[best] - scores[best].std(ddof=1) / np.sqrt(FOLDS)
    return STRENGTHS[int(good.argmax())]


def new_pipeline(strength: float) -> Pipeline:
    """Make the pipeline; it is linear, so its ONNX file is small and quick."""
    # So small a tolerance that every machine arrives at the same coefficients.
    classifier = LogisticRegression(C=strength, tol=1e-9, max_iter=10_000)
    return make_pipeline(StandardScaler(), classifier)


def evaluate(pipeline: Pipeline, test: Data, train_rows: int, strength: float) -> Evaluation:
    """Measure the pipeline on the test rows."""
    probabilities = pipeline.predict_proba(test.features)
    predicted = probabilities.argmax(axis=1)
    accuracy = float((predicted == test.labels).mean())
    low, high = wilson_interval(accuracy, len(test.labels))
    shuffled = permutation_importance(
        pipeline,
        test.features,
        test.labels,
        scoring="neg_log_loss",
        n_repeats=SHUFFLES,
        random_state=SEED,
    )
    importance = [
        Importance(name, round(float(mean), 4), round(float(deviation), 4))
        for name, mean, deviation in zip(
            NAMES, shuffled.importances_mean, shuffled.importances_std, strict=True
        )
    ]
    return Evaluation(
        name=NAME,
        train_rows=train_rows,
        test_rows=len(test.labels),
        strength=strength,
        accuracy=round(accuracy, 4),
        accuracy_low=round(low, 4),
        accuracy_high=round(high, 4),
        log_loss=round(float(log_loss(test.labels, probabilities)), 4),
        labels=LABELS,
        confusion=confusion_matrix(test.labels, predicted).tolist(),
        importance=sorted(importance, key=lambda it: -it.mean),
    )


def wilson_interval(share: float, rows: int) -> tuple[float, float]:
    """Give the 95 % interval of a share that was seen in so many rows (Wilson, 1927)."""
    z = 1.96
    centre = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * np.sqrt(share * (1 - share) / rows + z**2 / (4 * rows**2))
    return max(0.0, float(centre - half)), min(1.0, float(centre + half))


def export(trained: Trained) -> bytes:
    """Convert the pipeline to ONNX, together with what the predictor has to know of it.

    Returns:
        A model that takes `features`, float32 of shape (n, 13), and gives `probabilities`, float32
        of shape (n, 3).

    Raises:
        ModelError: the predictor does not take the model, or predicts with it what scikit-learn
            does not.
    """
    content = to_onnx_bytes(trained.pipeline, trained.evaluation)
    apart = difference(content, trained)
    if apart > TOLERANCE:
        raise ModelError(f"predicts otherwise than scikit-learn, by {apart:g}.")
    return content


def to_onnx_bytes(
    pipeline: Pipeline, evaluation: Evaluation, names: Sequence[str] = NAMES
) -> bytes:
    """Convert a pipeline over the features of these names, unchecked."""
    model: Any = to_onnx(
        pipeline,
        initial_types=[(INPUT, FloatTensorType([None, len(names)]))],
        options={LogisticRegression: {"zipmap": False}},
        target_opset={"": 18, "ai.onnx.ml": 3},
    )
    metrics = {
        "accuracy": evaluation.accuracy,
        "log_loss": evaluation.log_loss,
        "test_rows": evaluation.test_rows,
    }
    texts = {
        "name": evaluation.name,
        "features": json.dumps(list(names)),
        "labels": json.dumps(list(evaluation.labels)),
        "metrics": json.dumps(metrics),
    }
    for key, value in texts.items():
        model.metadata_props.add(key=key, value=value)
    content: bytes = model.SerializeToString()
    return content


def difference(content: bytes, trained: Trained) -> float:
    """Give the largest difference between what ONNX Runtime and scikit-learn predict.

    Raises:
        ModelError: the predictor does not take this model.
    """
    predicted = Predictor.parse(content).predict(trained.test.features.astype(np.float32))
    expected = trained.pipeline.predict_proba(trained.test.features)
    return float(np.abs(predicted - expected).max())
