"""The table of feature sets quotes the metrics; figures of other data are left out."""

from typing import Any

from ecom.reporting.feature_sets import USES, feature_sets_table, study_of, uses
from ecom.schema import FEATURE_SETS
from project import ROOT, metrics_of

EVALUATE: Any = metrics_of(ROOT, "evaluate")
STUDY: Any = {
    "sha256": "of the data in use",
    "splits": 10,
    "sets": {
        name: {"pr_auc": {"mean": 0.5, "sd": 0.125}, "saved": {"mean": 500.4, "sd": 9.0}}
        for name in FEATURE_SETS
    },
}


def test_each_set_has_its_metrics_and_what_it_saves() -> None:
    headings, rows = feature_sets_table(EVALUATE, STUDY)

    assert [row[0] for row in rows] == [f"`{name}`" for name in FEATURE_SETS]
    for name, row in zip(FEATURE_SETS, rows, strict=True):
        found = EVALUATE["feature_sets"]
        assert row[headings.index("PR-AUC, test")].startswith(f"{found[name]['pr_auc']:.3f} (")
        assert row[headings.index("PR-AUC, 10 splits")] == "0.500 ± 0.125"
        saved = found[f"saved_by_{name}"]["cost_per_1000_sessions"]
        assert row[headings.index("€ saved against flagging none, test")].startswith(
            f"{saved:.0f} ("
        )
        assert row[-1] == "500 ± 9"


def test_without_a_study_of_this_data_its_column_is_left_out() -> None:
    headings, rows = feature_sets_table(EVALUATE, None)

    assert not any("splits" in heading for heading in headings)
    assert all(len(row) == len(headings) for row in rows)


def test_a_study_of_other_data_is_no_study() -> None:
    study = study_of(metrics_of(ROOT, "validate")["sha256"])

    assert study
    assert set(study["sets"]) == set(FEATURE_SETS)
    assert study_of("of other data") is None


def test_every_set_is_told_what_for() -> None:
    assert set(USES) == set(FEATURE_SETS)
    assert all(line.startswith("`") for line in uses())
