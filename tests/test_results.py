"""The committed metrics have the shape that `ecom.results` says, and nothing beside it."""

from typing import Any, get_type_hints

import pytest
from pydantic import ConfigDict, TypeAdapter, ValidationError

from ecom import results
from project import ROOT, metrics_of

SHAPES: dict[str, Any] = get_type_hints(results.Results)
# Metrics and differences are named as `METRICS` and the candidates are; the rest is closed.
OPEN = {"ModelResults", "CandidateResults"}


def closed(shape: Any) -> None:
    """Refuse keys that a shape does not name."""
    for name, found in vars(shape).items():
        if hasattr(found, "__required_keys__"):
            found.__pydantic_config__ = ConfigDict(
                extra="allow" if name in OPEN else "forbid", strict=True
            )


closed(results)


def test_every_metrics_file_but_that_of_the_record_has_a_shape() -> None:
    assert {path.stem for path in (ROOT / "metrics").glob("*.json")} - {"track"} == set(SHAPES)


@pytest.mark.parametrize("stage", SHAPES)
def test_a_metrics_file_has_its_shape(stage: str) -> None:
    TypeAdapter(SHAPES[stage]).validate_python(metrics_of(ROOT, stage))


@pytest.mark.parametrize("stage", SHAPES)
def test_a_figure_that_is_missing_or_surplus_is_refused(stage: str) -> None:
    metrics = metrics_of(ROOT, stage)
    first = next(name for name in metrics if name != "data")
    adapter = TypeAdapter(SHAPES[stage])

    with pytest.raises(ValidationError):
        adapter.validate_python({key: value for key, value in metrics.items() if key != first})
    with pytest.raises(ValidationError):
        adapter.validate_python(metrics | {"surplus": 1})
