"""What a service counts, in the format of Prometheus: requests, answers, inputs. No session."""

from collections import Counter as CountOf
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from ecom.serving.manifest import PackagedColumn
from ecom.serving.scoring import Answer, Answers

TOGETHER: Final = 32  # sessions that are counted at once, which is faster than one by one
SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SCORES: Final = tuple(np.round(np.linspace(0.05, 1, 20), 2).tolist())
# Half decades: counts, seconds and values are spread over magnitudes.
_STEPS: Final = (0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000, 3000, 10000)


class Monitoring:
    """Counters of one service, which outlive the package that answers."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "ecom_requests", "Requests answered", ["route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "ecom_request_seconds",
            "Time from the end of a request's head to its answer",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.answers = Counter(
            "ecom_answers", "Sessions answered", ["decision"], registry=self.registry
        )
        self.refused = Counter(
            "ecom_sessions_refused",
            "Requests, and rows of batches, that were bad input",
            registry=self.registry,
        )
        self.unknown = Counter(
            "ecom_unknown_categories",
            "Categories that the schema does not have",
            ["column"],
            registry=self.registry,
        )
        self.categories = Counter(
            "ecom_input_category",
            "Sessions by category",
            ["column", "value"],
            registry=self.registry,
        )
        self.lost = Counter(
            "ecom_scores_lost", "Scores that could not be kept", registry=self.registry
        )
        self.reloads = Counter(
            "ecom_reloads", "Packages loaded or refused", ["outcome"], registry=self.registry
        )
        self.model = Gauge(
            "ecom_model_info", "1 for the package that answers", ["version"], registry=self.registry
        )
        self.scores = Distribution("ecom_score", "Probabilities answered", SCORES)
        self.inputs: dict[str, Distribution] = {}
        self.registry.register(_Distributions({"": self.scores}))
        self.registry.register(_Distributions(self.inputs))
        self._categories: dict[str, dict[Any, Counter]] = {}
        self._waiting: list[tuple[Mapping[str, NDArray[Any]], Answer]] = []
        self._flagged, self._not_flagged = map(self.answers.labels, ("flagged", "not flagged"))

    def count_one(self, inputs: Mapping[str, NDArray[Any]], answer: Answer) -> None:
        """Count one session that was answered, later, together with others."""
        if self._waiting and inputs.keys() != self._waiting[0][0].keys():
            self._settle()
        self._waiting.append((inputs, answer))
        if len(self._waiting) >= TOGETHER:
            self._settle()

    def count(self, inputs: Mapping[str, NDArray[Any]], answers: Answers) -> None:
        """Count sessions that were answered."""
        flagged = int(answers.flagged.sum())
        self._flagged.inc(flagged)
        self._not_flagged.inc(len(answers.flagged) - flagged)
        self.scores.add(answers.probability)
        for name, values in inputs.items():
            if name in self.inputs:
                self.inputs[name].add(values)
            else:
                self._count_categories(name, values)

    def serve(self, version: str, columns: Iterable[PackagedColumn]) -> None:
        """Say which package answers from now on, and count what it takes."""
        self._settle()
        self.model.clear()
        self.model.labels(version).set(1)
        for column in columns:
            if column.type in ("integer", "number"):
                distribution = Distribution(
                    "ecom_input", "Values of sessions", _edges(column), column.name
                )
                self.inputs.setdefault(column.name, distribution)
            else:
                labels: dict[Any, str] = {name: name for name in column.allowed}
                if column.type == "boolean":
                    labels = {1.0: "true", 0.0: "false"}
                self._categories[column.name] = {
                    value: self.categories.labels(column.name, label)
                    for value, label in labels.items()
                }

    def page(self) -> bytes:
        """Return all counts in the text format of Prometheus."""
        self._settle()
        return generate_latest(self.registry)

    def _settle(self) -> None:
        """Count the single sessions that wait."""
        if self._waiting:
            sessions, answers = zip(*self._waiting, strict=True)
            rows = [[values[0] for values in inputs.values()] for inputs in sessions]
            columns = map(np.array, zip(*rows, strict=True))
            inputs = dict(zip(sessions[0], columns, strict=True))
            self._waiting = []
            self.count(inputs, Answers._make(map(np.array, zip(*answers, strict=True))))

    def _count_categories(self, name: str, values: NDArray[Any]) -> None:
        known = self._categories[name]
        for value, times in CountOf(values.tolist()).items():
            if value in known:
                known[value].inc(times)
            else:
                self.categories.labels(name, "unknown").inc(times)
                self.unknown.labels(name).inc(times)


class Distribution:
    """A histogram of arrays of values, which a client library would take one at a time."""

    def __init__(self, name: str, about: str, edges: tuple[float, ...], column: str = "") -> None:
        self.name, self.about, self.edges, self.column = name, about, edges, column
        self._upper = np.array(edges)
        self._counts = np.zeros(len(edges) + 1, np.int64)
        self._sum = 0.0

    def add(self, values: NDArray[np.float64]) -> None:
        """Count values, of shape (n,), each in the first bucket whose edge it does not exceed."""
        places = np.searchsorted(self._upper, values)
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(values.sum())

    def buckets(self) -> tuple[list[tuple[str, float]], float]:
        """Return cumulative counts by upper edge, and the sum of the values."""
        labels = [*(f"{edge:g}" for edge in self.edges), "+Inf"]
        return list(zip(labels, self._counts.cumsum().tolist(), strict=True)), self._sum


class _Distributions(Collector):
    def __init__(self, distributions: Mapping[str, Distribution]) -> None:
        self._distributions = distributions

    def collect(self) -> Iterator[HistogramMetricFamily]:
        if not self._distributions:
            return
        first = next(iter(self._distributions.values()))
        labels = ["column"] if first.column else []
        family = HistogramMetricFamily(first.name, first.about, labels=labels)
        for distribution in self._distributions.values():
            buckets, total = distribution.buckets()
            family.add_metric([distribution.column] if labels else [], buckets, total)
        yield family


def _edges(column: PackagedColumn) -> tuple[float, ...]:
    return tuple(float(step) for step in _STEPS if column.minimum <= step <= column.maximum)
