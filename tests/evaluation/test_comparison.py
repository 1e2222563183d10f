"""Models on the same rows: differences are paired, and so are their intervals."""

import numpy as np
import pytest

from ecom.evaluation.comparison import Criteria, compare, compare_feature_sets, compare_models
from ecom.evaluation.metrics import COST
from ecom.params.bootstrap import Bootstrap
from ecom.params.threshold import Costs
from ecom.schema import FEATURE_SETS

LABELS = np.repeat([0, 1], [70, 30])


def criteria(resamples: int = 100) -> Criteria:
    return Criteria(
        dict.fromkeys(("baseline", "best_model", *FEATURE_SETS), 0.3),
        Costs(false_positive=1.0, false_negative=5.0),
        bins=10,
        bootstrap=Bootstrap(resamples=resamples, seed=0),
    )


def test_a_difference_is_paired_so_that_its_interval_is_narrower_than_its_sides() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(800) < 0.2).astype(int)
    shared = random.normal(size=800) + 1.5 * labels
    scores = {
        name: 1 / (1 + np.exp(-(shared + 0.2 * random.normal(size=800) + shift)))
        for name, shift in (("baseline", -1.0), ("best_model", -1.5))
    }

    found = compare_models(
        labels,
        scores,
        criteria(resamples=300),
    )

    def width(name: str) -> float:
        low, high = found["intervals"][name]["pr_auc"]
        return float(high - low)

    assert width("best_model_minus_baseline") < 0.5 * width("best_model")
    for name in ("baseline", "best_model", "best_model_minus_baseline"):
        for metric, (low, high) in found["intervals"][name].items():
            assert low <= found[name][metric] <= high
        assert "expected_calibration_error" in found[name]
        assert "expected_calibration_error" not in found["intervals"][name]
    for policy in ("baseline", "flag_all", "flag_none"):
        assert found[f"saved_against_{policy}"] == {
            COST: pytest.approx(found[policy][COST] - found["best_model"][COST])
        }


def test_feature_sets_are_compared_with_the_one_in_use_and_with_a_policy() -> None:
    scores = np.linspace(0.01, 0.99, 100)

    found = compare_feature_sets(
        LABELS,
        {"end_of_session": scores, "without_page_values": scores, "at_arrival": scores[::-1]},
        "end_of_session",
        "flag_all",
        criteria(),
    )

    assert set(found["less_without_page_values"].values()) == {0}
    assert all(
        bounds == [0, 0] for bounds in found["intervals"]["less_without_page_values"].values()
    )
    assert found["less_at_arrival"]["pr_auc"] > 0.5
    assert found["policy"] == "flag_all"
    assert found["flag_all"] == {COST: pytest.approx(700)}
    assert found["saved_by_end_of_session"] == {
        COST: pytest.approx(700 - found["end_of_session"][COST])
    }


def test_a_difference_has_the_metrics_that_both_sides_have() -> None:
    found = compare(
        LABELS,
        {
            "one": lambda weights: {"a": weights[:, 0], "b": weights[:, 1]},
            "other": lambda weights: {"b": weights[:, 1]},
        },
        {"gain": ("one", "other")},
        Bootstrap(resamples=100, seed=0),
    )

    assert found["gain"] == {"b": 0}


def test_a_difference_is_the_first_less_the_second() -> None:
    found = compare(
        LABELS,
        {
            "one": lambda weights: {"a": 3 * weights[:, 0]},
            "other": lambda weights: {"a": weights[:, 0]},
        },
        {"gain": ("one", "other")},
        Bootstrap(resamples=100, seed=0),
    )

    assert found["gain"] == {"a": 2}
