"""Counts of what each threshold flags, in the rows as they are and in every resample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecom.evaluation.counts import FLAG_NONE, count_flagged
from ecom.params.threshold import Costs
from scored import labels_and_scores

COSTS = Costs(false_positive=1.0, false_negative=5.0)


@given(seed=st.integers(0, 1000))
def test_each_resample_may_have_a_threshold_of_its_own(seed: int) -> None:
    labels, scores = labels_and_scores(rows=30, seed=seed, decimals=1)
    random = np.random.default_rng(seed)
    counts = count_flagged(labels, scores, random.integers(0, 3, (5, 30)).astype(float))
    thresholds = random.choice([0.0, 0.05, 0.1, 0.5, 0.55, 1.0, FLAG_NONE], 5)

    together = counts.at(thresholds)

    for row, threshold in enumerate(thresholds):
        alone = counts.at(float(threshold))
        assert np.array_equal(together.flagged[row], alone.flagged[row])
        assert np.array_equal(together.true_positives[row], alone.true_positives[row])
        expected = counts.flagged[row, np.flatnonzero(counts.thresholds >= threshold)[-1]]
        assert alone.flagged[row, 0] == expected


def test_thresholds_descend_from_one_that_flags_none_to_one_that_flags_all() -> None:
    counts = count_flagged([0, 1, 1], [0.2, 1.0, 0.7])

    assert counts.thresholds.tolist() == [FLAG_NONE, 1.0, 0.7, 0.2, 0.0]
    assert counts.thresholds[0] > 1
    assert counts.flagged.tolist() == [[0, 1, 2, 3, 3]]
    assert counts.recall.tolist() == [[0, 0.5, 1, 1, 1]]
    assert counts.false_positive_rate.tolist() == [[0, 0, 0, 1, 1]]


def test_precision_is_zero_where_no_session_is_flagged() -> None:
    assert count_flagged([0, 1], [0.2, 0.7]).precision[0, 0] == 0


def test_the_cost_counts_both_kinds_of_error_per_thousand_sessions() -> None:
    counts = count_flagged([0, 0, 1, 1], [0.9, 0.1, 0.8, 0.2])

    cost = counts.cost(COSTS)[0]

    # Flagging 0.9 and 0.8 has one false positive and one missed purchase among four sessions.
    assert cost[counts.thresholds.tolist().index(0.8)] == 1000 * (1 + 5) / 4
    assert (cost[0], cost[-1]) == (1000 * 2 * 5 / 4, 1000 * 2 / 4)


def test_purchases_in_the_top_share_count_ties_at_its_edge_in_part() -> None:
    labels, scores = np.repeat([1, 0, 1], [1, 1, 2]), np.repeat([0.9, 0.5, 0.5], [1, 1, 2])
    counts = count_flagged(labels, scores)

    assert counts.purchases_in_top(0.25)[0] == 1
    assert counts.purchases_in_top(0.5)[0] == pytest.approx(1 + 2 / 3)
    assert counts.purchases_in_top(1)[0] == 3
