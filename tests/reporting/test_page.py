"""What the page is made of: sweeps, rows, hashes; a browser looks at the page itself elsewhere."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ecom.errors import ProjectError
from ecom.params.threshold import Costs
from ecom.project.files import PREDICTIONS
from ecom.project.states import folder_state
from ecom.reporting import page
from ecom.reporting.charts import MODEL_NAMES
from ecom.reporting.page import write_report
from ecom.schema import TARGET
from project import ROOT
from scored import by_hand, calibrated

COSTS = Costs(false_positive=1.0, false_negative=5.0)


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.5, 0.93])
def test_a_sweep_has_what_each_threshold_gives(tmp_path: Path, threshold: float) -> None:
    labels, scores = calibrated(300)
    table = pd.DataFrame({TARGET: labels, "baseline": scores, "best_model": scores[::-1]})
    (tmp_path / PREDICTIONS).parent.mkdir(parents=True)
    table.to_parquet(tmp_path / PREDICTIONS)

    sweeps = page._sweeps(folder_state(tmp_path), COSTS)

    assert list(sweeps) == list(MODEL_NAMES.values())
    sweep = {name: np.array(values) for name, values in sweeps["baseline"].items()}
    place = np.flatnonzero(sweep["threshold"] >= threshold)[-1]
    expected = by_hand(labels, scores, threshold)
    assert sweep["precision"][place] == pytest.approx(expected["precision"], abs=1e-5)
    assert sweep["recall"][place] == pytest.approx(expected["recall"], abs=1e-5)
    assert sweep["flagged"][place] == expected["flagged"] * 300
    assert sweep["cost"][place] == pytest.approx(expected["cost"] / 0.3, abs=1e-4)


def test_missing_values_become_null() -> None:
    rows = page._records(pd.DataFrame({"a": [1 / 3, np.nan], "b": ["x", None]}))

    assert json.dumps(rows, allow_nan=False) == '[{"a": 0.33333, "b": "x"}, {"a": null, "b": null}]'


def test_a_figure_is_separated_from_its_interval() -> None:
    assert page._split("0.771 (0.734 to 0.806)") == ("0.771", "0.734 to 0.806")
    assert page._split("1.000") == ("1.000", "")


def test_what_made_the_results_is_listed() -> None:
    state = folder_state(ROOT)

    names = [name for name, _ in page._lineage(ROOT, state)]
    stages = {name: made for name, _, made in page._stages(state)}

    assert names[0] == "state of the pipeline"
    assert "models/best_model.joblib" in names
    assert "metrics/tune.json" in stages["tune"]
    assert "track" not in stages


def test_a_folder_without_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())

    with pytest.raises(ProjectError, match=r"workspace has no dvc\.lock: run `dvc repro`"):
        write_report(tmp_path)
