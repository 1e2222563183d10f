"""What moved is found, put into words, and told from what chance does."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ecom.drift.shifts import (
    GIVEN_SCORE,
    PURCHASES,
    Question,
    Shift,
    about_column,
    about_purchases,
    about_purchases_given_score,
    answer,
    merged,
)
from ecom.evaluation.counts import Floats
from ecom.serving.profile import (
    NOT_ALLOWED,
    UNKNOWN,
    Bins,
    Tally,
    bins_of,
    score_bins,
)

THRESHOLD = 0.2


def tally(bins: Bins, values: Any, outcomes: Any = None) -> Tally:
    size = len(values)
    labels = np.full(size, UNKNOWN) if outcomes is None else np.asarray(outcomes, np.int64)
    return Tally.empty(bins).plus(np.asarray(values), labels, np.zeros(size, np.int64))


def asked(question: Question | None, smallest: float = 0.02) -> Shift:
    assert question is not None
    return answer([question], smallest, seed=0)[0]


def test_a_column_that_moved_is_told_by_where_it_moved_most() -> None:
    random = np.random.default_rng(0)
    before, after = random.exponential(10, 3000), random.exponential(14, 3000)
    bins = bins_of("PageValues", before)

    found = asked(
        about_column("PageValues", tally(bins, before), tally(bins, after), blocked=False)
    )

    cut = float(found.place.removeprefix("PageValues above "))
    assert found.before == pytest.approx(np.mean(before > cut), abs=0.002)
    assert found.after == pytest.approx(np.mean(after > cut), abs=0.002)
    largest = stats.ks_2samp(before, after).statistic
    assert found.difference == pytest.approx(largest, abs=0.02)
    assert found.interval[0] < found.difference < found.interval[1]
    assert found.alarms


def test_a_value_that_became_common_is_named() -> None:
    bins = Bins(values=(1.0, 2.0, 3.0))
    before, after = np.repeat([1.0, 2, 3], 500), np.repeat([1.0, 2, 9], [500, 500, 500])

    found = asked(about_column("Browser", tally(bins, before), tally(bins, after), blocked=False))

    assert found.place in ("Browser 3", "Browser another value")
    assert abs(found.difference) == pytest.approx(1 / 3)
    assert found.alarms


def test_a_certain_difference_that_does_not_matter_raises_no_alarm() -> None:
    bins = Bins(values=(1.0,))
    before, after = (np.repeat([1.0, 0.0], [one, 100_000 - one]) for one in (50_000, 51_500))
    question = about_column("Weekend", tally(bins, before), tally(bins, after), blocked=False)

    found = asked(question)

    assert found.p_value < 0.001
    assert not found.alarms
    assert asked(question, smallest=0.01).alarms


def test_values_that_are_not_allowed_are_a_column_of_their_own() -> None:
    bins = Bins(values=(0.0,))
    before, after = np.zeros(500), np.repeat([0.0, 1.0], [400, 100])

    found = asked(about_column(NOT_ALLOWED, tally(bins, before), tally(bins, after), blocked=False))

    assert found.place == "a value that is not allowed"
    assert (found.before, found.after) == (0, 0.2)
    assert found.alarms


def test_columns_that_follow_the_share_of_purchases_did_not_move_within_outcomes() -> None:
    random = np.random.default_rng(2)
    bins = Bins(cuts=tuple(np.linspace(-3, 5, 40)))
    sides = []
    for rate in (0.4, 0.15):
        labels = random.random(4000) < rate
        sides.append((random.normal(2 * labels, 1), labels))
    mixed = [tally(bins, values, labels) for values, labels in sides]
    moved = tally(bins, sides[1][0] + 1, sides[1][1])

    prior = asked(about_column("PageValues", *mixed, blocked=False))
    both = asked(about_column("PageValues", mixed[0], moved, blocked=False))
    purchases = asked(about_purchases(*mixed, blocked=False))

    assert prior.alarms
    assert prior.within_outcomes is False
    assert both.within_outcomes is True
    assert purchases.name == PURCHASES
    assert purchases.before == pytest.approx(0.4, abs=0.03)
    assert purchases.alarms


def scored(rate: float, slope: float = 1.0, size: int = 6000, seed: int = 0) -> tuple[Any, Any]:
    """Return scores, and outcomes whose odds are the scores' times a rate, by a slope."""
    random = np.random.default_rng(seed)
    odds = random.normal(-2, 1.5, size)
    scores = 1 / (1 + np.exp(-odds))
    true = 1 / (1 + np.exp(-(slope * odds + np.log(rate))))
    return scores, random.random(size) < true


def given_score(reference: tuple[Any, Any], new: tuple[Any, Any]) -> Shift:
    bins = score_bins(THRESHOLD)
    return asked(
        about_purchases_given_score(
            tally(bins, *reference), tally(bins, *new), THRESHOLD, blocked=False
        )
    )


def test_other_sessions_that_buy_as_their_scores_say_are_no_concept_drift() -> None:
    scores, bought = scored(1, seed=1)
    many = np.argsort(scores)[-2000:]  # as if only promising sessions came

    found = given_score(scored(1), (scores[many], bought[many]))

    assert found.name == GIVEN_SCORE
    assert not found.alarms


@pytest.mark.parametrize(("rate", "slope"), [(0.6, 1.0), (1.0, 0.4)])
def test_scores_that_mean_something_else_are_concept_drift(rate: float, slope: float) -> None:
    found = given_score(scored(1), scored(rate, slope, seed=1))

    assert found.alarms
    assert "same score" in found.place


def test_the_difference_at_equal_scores_is_that_of_mantel_and_haenszel() -> None:
    reference, new = scored(1), scored(0.5, seed=1)
    bins = score_bins(THRESHOLD)
    question = about_purchases_given_score(
        tally(bins, *reference), tally(bins, *new), THRESHOLD, blocked=False
    )
    assert question is not None
    before, after = question.pair.sides

    found = question.shares(before, after)

    tables = [(before[0, cell], after[0, cell]) for cell in range(before.shape[1])]
    weights = [old.sum() * now.sum() / max(old.sum() + now.sum(), 1) for old, now in tables]
    differences = [now[1] / max(now.sum(), 1) - old[1] / max(old.sum(), 1) for old, now in tables]
    assert found[1][0, 0] - found[0][0, 0] == pytest.approx(
        np.average(differences, weights=weights)
    )


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_outcomes_that_are_all_the_same_are_the_largest_drift_there_is(rate: float) -> None:
    bins = score_bins(THRESHOLD)
    scores, bought = scored(1, size=500)
    before, after = tally(bins, scores, bought), tally(bins, scores, np.full(500, rate))

    assert asked(about_purchases(before, after, blocked=False)).alarms
    assert asked(about_purchases_given_score(before, after, THRESHOLD, blocked=False)).alarms


def test_the_share_of_purchases_is_not_compared_if_some_are_still_to_come() -> None:
    bins = score_bins(THRESHOLD)
    scores, bought = scored(1, size=1000)
    some = np.where(np.arange(1000) % 10 == 0, UNKNOWN, bought)

    assert about_purchases(
        tally(bins, scores, bought), tally(bins, scores, some), blocked=False
    ) is (None)


def test_outcomes_that_are_not_known_raise_no_question() -> None:
    bins = score_bins(THRESHOLD)
    scores, bought = scored(1, size=100)
    known, unknown = tally(bins, scores, bought), tally(bins, scores)

    assert about_purchases(known, unknown, blocked=False) is None
    assert about_purchases_given_score(known, unknown, THRESHOLD, blocked=False) is None
    assert about_column("PageValues", known, unknown, blocked=False).within is None


def test_p_values_are_adjusted_for_the_number_of_questions() -> None:
    bins = Bins(values=(1.0,))
    before, after = (np.repeat([1.0, 0.0], [one, 200 - one]) for one in (100, 125))
    question = about_column("Weekend", tally(bins, before), tally(bins, after), blocked=False)
    same = replace(question, pair=replace(question.pair, new=question.pair.reference))

    alone, (among, *_) = answer([question], 0, 0)[0], answer([question, *[same] * 9], 0, 0)

    assert among.p_value == pytest.approx(10 * alone.p_value)
    assert among.smallest_p_value == pytest.approx(10 * alone.smallest_p_value)


def test_cells_are_merged_evenly_and_nothing_is_lost() -> None:
    bins = score_bins(THRESHOLD)
    scores, bought = scored(1)
    counts = tally(bins, scores, bought).counts
    below = float(np.nextafter(THRESHOLD, 0))

    fewer, before, after = merged(bins, counts, 2 * counts, 10, kept=below)

    assert fewer.size == before.shape[2] <= 11
    assert below in fewer.cuts
    assert before.sum() == counts.sum()
    np.testing.assert_array_equal(2 * before, after)
    assert before.sum(axis=(0, 1)).max() < 2 * counts.sum() / 10


def test_rare_codes_of_the_reference_raise_no_false_alarm() -> None:
    """Which codes have cells of their own is chance: new sessions hold fewer of these."""
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, 201) ** 1.3
    shares /= shares.sum()
    alarms = 0
    for _ in range(100):
        before, after = (random.choice(200, size, p=shares).astype(float) for size in (1000, 9000))
        bins = bins_of("Browser", before)
        question = about_column("Browser", tally(bins, before), tally(bins, after), blocked=False)
        alarms += question.pair.p_value(question.statistic, random) < 0.05

    assert alarms <= 12  # 5 of 100 to expect; more than 12 come by chance once in 700


def test_statistics_are_those_of_scipy() -> None:
    before, after = np.array([[[50.0, 30, 20]]]), np.array([[[20.0, 30, 40]]])
    bins = Bins(values=(1.0, 2.0))
    nominal = about_column("Browser", Tally.empty(bins), Tally.empty(bins), blocked=False)
    assert nominal.pair.reference.shape == (1, 1, 2)  # cells without sessions are merged

    expected = stats.chi2_contingency([before[0, 0], after[0, 0]], correction=False).statistic

    assert nominal.statistic(before, after)[0] == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:p-value")
def test_the_statistic_of_order_follows_that_of_anderson_and_darling() -> None:
    """Theirs is a constant times it, less another one, where all cells are single values."""
    random = np.random.default_rng(4)
    cuts = tuple(np.arange(0.5, 30))
    bins = Bins(cuts=cuts)
    ordered = about_column("PageValues", Tally.empty(bins), Tally.empty(bins), blocked=False)
    found: list[float] = []
    theirs: list[float] = []
    for shift in np.linspace(0, 2, 12):
        values = random.poisson(10, 300), random.poisson(10 + shift, 300)
        sides: list[Floats] = [
            np.bincount(bins.place(each), minlength=bins.size)[None, None].astype(float)
            for each in values
        ]
        found.append(float(ordered.statistic(*sides)[0]))
        theirs.append(float(stats.anderson_ksamp(values, variant="right", method=None).statistic))

    assert np.corrcoef(found, theirs)[0, 1] > 0.999
