"""The model card quotes the metrics, and says what is true of the strategy and the data in use."""

from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from ecom.evaluation.counts import FLAG_NONE
from ecom.evaluation.metrics import METRICS
from ecom.params.threshold import Strategy
from ecom.project.formats import parse_yaml
from ecom.project.params_file import read_params
from ecom.reporting.card import STRATEGIES, write_card
from ecom.schema import FEATURE_SETS
from project import ROOT, metrics_of

STAGES = (
    *("validate", "clean", "features", "cv", "tune", "cross_fit", "feature_sets", "threshold"),
    *("evaluate", "explain"),
)
SLICE = {
    "slice": "PageValues>0",
    "sessions": 10,
    "purchases": 5,
    "base_rate": 0.5,
    "pr_auc": 0.75,
    "low": 0.7,
    "high": 0.8,
    "above_chance": 0.5,
    "precision": 0.25,
    "recall": np.nan,
    "mean_score": 0.5,
    "calibration": 0.0,
    "calibration_z": 0.0,
    "small": True,
}
SLICES = pd.DataFrame([SLICE | {"value": "no"}, SLICE | {"value": "yes", "pr_auc": np.nan}])
MISTAKES = pd.DataFrame(
    [
        {
            "row": row,
            "actual": actual,
            "score": 0.123456,
            "Month": "Nov",
            "VisitorType": "Other",
            "PageValues": 1.5,
            "ProductRelated": 3,
            "ProductRelated_Duration": 2.0,
            "ExitRates": 0.1,
        }
        for actual in ("no purchase", "purchase")
        for row in range(7)
    ]
)


@pytest.fixture
def metrics() -> dict[str, Any]:
    return {stage: metrics_of(ROOT, stage) for stage in STAGES}


def card(metrics: Any) -> str:
    params = read_params(ROOT)
    return write_card(metrics, SLICES, MISTAKES, split=params.split, folds=params.folds)


def test_every_metric_of_both_models_is_quoted_with_its_interval(metrics: dict[str, Any]) -> None:
    text = card(metrics)

    for metric, record in METRICS.items():
        value = metrics["evaluate"]["best_model"][metric]
        row = next(line for line in text.splitlines() if line.startswith(f"| {record.words} |"))
        assert (f"{value:,.0f}" if "cost" in metric else f"{value:.3f}") in row
    low, high = metrics["evaluate"]["intervals"]["best_model"]["pr_auc"]
    assert f"({low:.3f} to {high:.3f})" in text


def test_what_is_missing_is_left_blank_and_never_written_as_nan(metrics: dict[str, Any]) -> None:
    text = card(metrics)

    assert "nan" not in text.lower().replace("finance", "")
    assert "| PageValues>0: yes (small) | 10 | 5 | 0.500 |  | 0.250 |  | +0.000 |" in text


def test_five_mistakes_of_each_kind_are_listed(metrics: dict[str, Any]) -> None:
    lines = card(metrics).splitlines()

    for actual in ("no purchase", "purchase"):
        assert len([line for line in lines if f" | {actual} | 0.1235 | Nov |" in line]) == 5


def test_a_threshold_given_by_hand_is_not_called_chosen(metrics: dict[str, Any]) -> None:
    metrics["threshold"]["strategy"] = "fixed"

    text = card(metrics)

    assert "The threshold was given by hand (`fixed`)." in text
    assert "on out-of-fold scores of the training rows;" not in text


def test_generated_sessions_are_called_so(metrics: dict[str, Any]) -> None:
    real = card(metrics)
    metrics["evaluate"]["data"] = "synthetic"
    metrics["clean"]["data"] = "synthetic"
    generated = card(metrics)

    assert "say nothing about real visitors" in generated
    assert "say nothing about real visitors" not in real
    assert "CC BY 4.0" in real
    assert "CC BY 4.0" not in generated


def test_only_the_file_that_was_published_is_cited_as_such(metrics: dict[str, Any]) -> None:
    metrics["validate"]["sha256"] = "0" * 64

    text = card(metrics)

    assert "Sakar" not in text
    assert "Sessions of your own (sha256 `0000" in text


def test_a_model_that_nothing_moves_is_described_too(metrics: dict[str, Any]) -> None:
    metrics["explain"]["importance"] = dict.fromkeys(metrics["explain"]["importance"], 0.0)

    assert "The model does not use it." in card(metrics)


def test_a_threshold_that_flags_none_is_told_in_words(metrics: dict[str, Any]) -> None:
    metrics["threshold"]["threshold"] = FLAG_NONE

    assert "No session is flagged" in card(metrics)


def test_a_model_that_does_not_beat_the_baseline_is_said_not_to(metrics: dict[str, Any]) -> None:
    before = card(metrics)
    metrics["cv"]["beats_baseline"] = False

    assert "does not beat the baseline" in card(metrics)
    assert "does not beat the baseline" not in before


def test_a_sample_to_train_on_is_called_one(metrics: dict[str, Any]) -> None:
    assert "stratified sample" not in card(metrics)

    metrics["features"]["training_rows_left_out"] = 4321

    assert "(a stratified sample: 4,321 were left out, by `split.max_train_rows`)" in card(metrics)


def test_months_and_their_costs_are_quoted(metrics: dict[str, Any]) -> None:
    text = card(metrics)

    for month in metrics["evaluate"]["over_time"]["months"]:
        row = next(line for line in text.splitlines() if line.startswith(f"| {month['month']} |"))
        assert f"{month['best_model']['pr_auc']:.3f} (" in row
    metrics["evaluate"]["over_time"]["left_out"] = ["Jan"]
    assert "Too few purchases to be judged: Jan." in card(metrics)


def test_without_a_month_to_judge_the_card_says_so(metrics: dict[str, Any]) -> None:
    metrics["evaluate"]["over_time"] = {}

    assert "No month is judged" in card(metrics)


def test_the_share_of_a_group_is_that_of_its_columns(metrics: dict[str, Any]) -> None:
    importance = metrics["explain"]["importance"]
    share = (importance["Month"] + importance["SpecialDay"]) / sum(importance.values())

    assert f"| month and special day (Month, SpecialDay) | {share:.0%} |" in card(metrics)


def test_the_columns_known_at_arrival_are_those_of_the_schema(metrics: dict[str, Any]) -> None:
    assert ", ".join(FEATURE_SETS["at_arrival"]) in card(metrics)


def test_the_committed_card_is_of_the_committed_metrics(metrics: dict[str, Any]) -> None:
    # All but the sections that come from tables outside git.
    def apart(text: str) -> list[str]:
        sections = text.split("\n## ")
        return [
            section
            for section in sections
            if not section.startswith(("Where it fails", "Its most", "The PageValues"))
        ]

    committed = (ROOT / "docs" / "model_card.md").read_text(encoding="utf-8")

    assert apart(committed) == apart(card(metrics))


def test_the_metadata_are_yaml_that_model_hubs_read(metrics: dict[str, Any]) -> None:
    metadata = parse_yaml(card(metrics).split("---\n")[1])

    (result,) = metadata["model-index"][0]["results"]
    assert metadata["library_name"] == "sklearn"
    assert {"type": "roc_auc", "value": metrics["evaluate"]["best_model"]["roc_auc"]} in result[
        "metrics"
    ]


@pytest.mark.parametrize(
    ("feature_set", "moment"),
    [
        ("at_arrival", "with the first request of a session"),
        ("end_of_session", "once a session is"),
    ],
)
def test_the_intended_use_is_that_of_the_feature_set(
    metrics: dict[str, Any], feature_set: str, moment: str
) -> None:
    metrics["evaluate"]["feature_set"] = feature_set

    assert f"by their probability of a purchase, {moment}" in card(metrics)


def test_no_line_has_two_spaces_or_a_blank_before_a_full_stop(metrics: dict[str, Any]) -> None:
    for strategy in ("fixed", "quota", "break_even"):
        metrics["threshold"]["strategy"] = strategy
        prose = [line for line in card(metrics).splitlines()[19:] if not line.startswith("|")]
        assert not [line for line in prose if "  " in line or " ." in line or line.startswith(" ")]


def test_the_card_has_words_for_every_strategy() -> None:
    assert {*STRATEGIES, "fixed", "break_even"} == set(get_args(Strategy))
