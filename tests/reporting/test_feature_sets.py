"""The tables of feature sets quote the metrics; figures of another study are left out."""

from typing import Any

import pytest

from ecom.reporting.feature_sets import USES, study_of, trust, uses, worth
from ecom.schema import FEATURE_SETS
from project import ROOT, metrics_of

STAGES = ("validate", "cv", "tune", "threshold", "evaluate")


@pytest.fixture
def found() -> Any:
    return {stage: metrics_of(ROOT, stage) for stage in STAGES}


def test_each_set_has_its_metrics_and_what_it_saves(found: Any) -> None:
    _, rows = worth(found)

    sets = found["evaluate"]["feature_sets"]
    for name, row in zip(FEATURE_SETS, rows, strict=True):
        saved = sets[f"saved_by_{name}"]["cost_per_1000_sessions"]
        assert row[0] == f"`{name}`"
        assert row[1].startswith(f"{sets[name]['pr_auc']:.3f} (")
        assert row[-1].startswith(f"{saved:.0f} (")


def test_splits_and_months_stand_beside_them(found: Any) -> None:
    study, table = study_of(found), trust(found)
    assert study
    assert table

    over_time = found["evaluate"]["over_time"]
    for name, row in zip(FEATURE_SETS, table[1], strict=True):
        assert len(row) == len(table[0])
        assert row[1].startswith(f"{study['sets'][name]['pr_auc']['mean']:.3f} ± ")
        assert row[4].startswith(f"{over_time['pr_auc'][name]['pr_auc']:.3f} (")
        saved = over_time["cost"][f"saved_by_{name}"]["cost_at_break_even"]
        assert row[5].startswith(f"{saved:.0f} (")


@pytest.mark.parametrize(
    ("stage", "changes"),
    [
        ("validate", {"sha256": "of other data"}),
        ("tune", {"n_iter": 30}),
        ("threshold", {"strategy": "quota"}),
        ("threshold", {"costs": {"false_positive": 1.0, "false_negative": 10.0}}),
        ("cv", {"candidates": {"logistic": {}}}),
    ],
)
def test_a_study_of_anything_else_is_left_out(
    found: Any, stage: str, changes: dict[str, Any]
) -> None:
    found[stage] |= changes

    assert study_of(found) is None
    table = trust(found)
    assert table
    assert not any("splits" in heading for heading in table[0])
    found["evaluate"]["over_time"] = {}
    assert trust(found) is None


def test_every_set_is_told_what_for() -> None:
    assert set(USES) == set(FEATURE_SETS)
    assert all(line.startswith("`") for line in uses())
