"""Metrics of the model's predictions, for Prometheus."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel

from {{ cookiecutter.package_name }}.model.features import Schema
from {{ cookiecutter.package_name }}.model.predictor import ModelInfo

PROBABILITIES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
OTHER = "other"
"""The label for refused values that belong to no feature, such as unknown fields."""


class ModelMetrics(Collector):
    """Counts predictions, missing values and refused values by the names in the schema only.

    It counts a whole request at once: a `Histogram.observe` for each instance would take most of
    the time that its validation takes.
    """

    def __init__(self, schema: Schema, info: ModelInfo) -> None:
        """Start counting."""
        self._schema, self._info = schema, info
        self._bounds = PROBABILITIES if schema.labels else info.buckets
        self._histogram = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._predictions = Counter(dict.fromkeys(schema.labels, 0))
        self._missing = Counter({each.name: 0 for each in schema.features if each.optional})
        self._refused = Counter(dict.fromkeys((*schema.names, OTHER), 0))
        self._lock = threading.Lock()

    def count_predictions(
        self, instances: Sequence[BaseModel], predictions: Sequence[dict[str, Any]]
    ) -> None:
        """Count instances and their predictions, which are in the format of the API."""
        optional = self._missing.keys()
        missing = [name for each in instances for name in optional if vars(each)[name] is None]
        if self._schema.labels:
            labels = [each["label"] for each in predictions]
            values = [max(each["probabilities"].values()) for each in predictions]
        else:
            labels, values = [], [each["value"] for each in predictions]
        with self._lock:
            self._predictions.update(labels)
            self._missing.update(missing)
            for value in values:
                self._histogram[bisect_left(self._bounds, value)] += 1
            self._sum += sum(values)

    def count_refused(self, errors: Iterable[Any]) -> None:
        """Count the invalid values of instances by feature."""
        keys = [error["loc"][-1] for error in errors if "instances" in error["loc"]]
        names = [self._schema.columns.get(key, key) for key in keys]
        with self._lock:
            self._refused.update(name if name in self._refused else OTHER for name in names)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics for Prometheus."""
        labels = {"name": self._info.name, "version": self._info.version}
        info = InfoMetricFamily("model", "The served model.", labels)
        name = "model_top_probability" if self._schema.labels else "model_predicted_value"
        histogram = HistogramMetricFamily(name, "Highest probability, or predicted value.")
        bounds = [*map(str, self._bounds), "+Inf"]
        with self._lock:
            totals = accumulate(self._histogram)
            histogram.add_metric([], list(zip(bounds, totals, strict=True)), self._sum)
            counters = [
                _counter("model_predictions", "Predictions.", "label", self._predictions),
                _counter("model_missing_values", "Missing values.", "feature", self._missing),
                _counter("model_refused_values", "Refused values.", "feature", self._refused),
            ]
        yield from [info, histogram, *counters]


def _counter(name: str, text: str, label: str, counts: dict[str, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family
