"""The saved view of MLflow shows metrics that runs have; test_tracking.py opens it in a browser."""

import base64
import json
import zlib

from ecom.project.states import State
from ecom.tracking.runs import runs_of
from ecom.tracking.views import KEY, SHOWN, TAG, figures_view, link


def test_the_view_names_metrics_that_a_run_has(finished: State) -> None:
    kind, packed = json.loads(figures_view())["state"].split(";")

    settings = json.loads(zlib.decompress(base64.b64decode(packed)))

    assert kind == "deflate"
    assert {f"metrics.`{name}`" for name in SHOWN} <= set(settings["selectedColumns"])
    assert set(SHOWN) <= set(runs_of(finished, "name").metrics)


def test_the_link_leads_to_the_view() -> None:
    assert TAG.endswith(f".{KEY}")
    assert link("7") == "[with their figures](#/experiments/7/runs?viewStateShareKey=figures)"
