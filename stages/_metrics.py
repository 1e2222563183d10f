"""How stages read and write metrics/*.json."""

from _stage import DECIMALS, Stage

import json
from collections.abc import Mapping
from typing import Any

from ecom.errors import DataError
from ecom.project.formats import parse_metrics


def read_metrics(stage: Stage, path: str) -> Any:
    """Read the metrics that an earlier stage wrote; `ecom.results` has their shape.

    Raises
    ------
    DataError
        The file is missing or damaged. Also, later, if a figure is asked for that it does not have.
    """
    with stage.readable(path) as file:
        return parse_metrics(file.read_bytes(), path, DataError)


def write_metrics(
    stage: Stage, path: str, metrics: Mapping[str, Any], exact: Mapping[str, Any] | None = None
) -> None:
    """Write metrics as JSON: labelled real or synthetic, keys sorted, floats to 6 decimals.

    Values in `exact` are not rounded: they are settings, not measurements. The metrics are written
    within a list, which DVC does not show: ``dvc metrics diff`` is to show the summary alone.
    """
    stage.write_text(path, _json([_labelled(stage, metrics, exact)]))


def write_summary(
    stage: Stage, path: str, metrics: Mapping[str, Any], exact: Mapping[str, Any]
) -> None:
    """Write metrics in the same way, but so that DVC shows them."""
    stage.write_text(path, _json(_labelled(stage, metrics, exact)))


def _labelled(
    stage: Stage, metrics: Mapping[str, Any], exact: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {"data": stage.data_kind(), **_rounded(metrics), **(exact or {})}


def _json(content: Any) -> str:
    return json.dumps(content, indent=2, sort_keys=True, allow_nan=False) + "\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return value
