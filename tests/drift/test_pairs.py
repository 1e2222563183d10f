"""What chance does is found as often as it says, of sessions and of blocks."""

import numpy as np
import pytest
from scipy import stats

from ecom.drift.pairs import DRAWS, Pair
from ecom.evaluation.counts import Floats
from ecom.serving.profile import Ints


def excess(reference: Floats, new: Floats) -> Floats:
    """Return by how much the share of the last cell is larger among new sessions."""
    shares = [side[:, 0, 1] / side[:, 0].sum(axis=1) for side in (reference, new)]
    return np.asarray(shares[1] - shares[0])


def shares(reference: Floats, new: Floats) -> tuple[Floats, Floats]:
    first, second = (side[:, :, 1] / side.sum(axis=2) for side in (reference, new))
    return first, second


def cells(*counts: tuple[int, int]) -> Ints:
    """Return counts of blocks, of one stratum and two cells."""
    return np.array(counts, np.int64)[:, None]


def test_a_p_value_is_that_of_fishers_exact_test() -> None:
    pair = Pair(cells((40, 10)), cells((12, 8)))

    found = pair.p_value(excess, np.random.default_rng(0))

    exact = stats.fisher_exact([[8, 12], [10, 40]], alternative="greater").pvalue
    assert found == pytest.approx(exact, abs=3 * np.sqrt(exact / DRAWS))


def test_only_sessions_of_a_stratum_change_sides() -> None:
    # The strata differ, and so do the shares of new sessions in them: nothing moved within.
    before = np.array([[[900, 100], [10, 90]]], np.int64)
    after = np.array([[[90, 10], [100, 900]]], np.int64)
    seen = []

    def within(_: Floats, new: Floats) -> Floats:
        seen.append(new.sum(axis=2))
        return np.asarray(np.abs(new[..., 1] / new.sum(axis=2) - 0.5).sum(axis=1))

    Pair(before, after).p_value(within, np.random.default_rng(0))

    assert (seen[-1] == [100, 1000]).all()


def test_p_values_without_a_difference_are_even() -> None:
    random = np.random.default_rng(5)
    found = []
    for _ in range(200):
        before, after = (np.bincount(random.integers(2, size=100), minlength=2) for _ in "ab")
        found.append(Pair(cells(tuple(before)), cells(tuple(after))).p_value(excess, random))

    assert np.mean(np.array(found) < 0.05) <= 0.1  # more comes by chance once in 500
    assert 0.3 < np.median(found) < 0.8


def test_days_that_differ_from_each_other_are_no_drift() -> None:
    """Sessions of a day are alike: taken one by one, two samples of days always differ."""
    random = np.random.default_rng(3)
    alarms = {True: 0, False: 0}
    for _ in range(60):
        rates = random.beta(2, 2, size=20)
        days = cells(*((int(100 * (1 - rate)), int(100 * rate)) for rate in rates))
        for blocked in alarms:
            pair = (
                Pair(days[:10], days[10:], blocked)
                if blocked
                else Pair(days[:10].sum(axis=0)[None], days[10:].sum(axis=0)[None])
            )
            alarms[blocked] += pair.p_value(lambda *sides: np.abs(excess(*sides)), random) < 0.05

    assert alarms[True] <= 8  # 5 % of 60 are 3; more than 8 come by chance once in 300
    assert alarms[False] > 30


def test_few_blocks_cannot_be_sure() -> None:
    few = Pair(cells((9, 1), (9, 1), (9, 1)), cells((1, 9), (1, 9)), blocked=True)

    assert few.smallest_p_value == 0.1  # there are 10 ways to choose 2 of 5
    assert few.p_value(excess, np.random.default_rng(0)) == 0.1
    assert Pair(cells((9, 1)), cells((1, 9))).smallest_p_value == 1 / (1 + DRAWS)


@pytest.mark.parametrize("blocks", [3, 5, 6, 8])
def test_the_smallest_p_value_is_that_of_samples_without_overlap(blocks: int) -> None:
    """With as many blocks on either side, swapping them gives the same difference."""
    before, after = cells(*[(90, 10)] * blocks), cells(*[(10, 90)] * blocks)
    pair = Pair(before, after, blocked=True)

    found = [
        pair.p_value(lambda *sides: np.abs(excess(*sides)), np.random.default_rng(seed))
        for seed in range(20)
    ]

    assert np.mean(found) == pytest.approx(pair.smallest_p_value, rel=0.35)


def test_blocks_without_sessions_are_none() -> None:
    held = Pair(cells((9, 1), (8, 2)), cells((1, 9), (2, 8)), blocked=True)
    more = Pair(cells((9, 1), (0, 0), (8, 2)), cells((1, 9), (2, 8), (0, 0), (0, 0)), blocked=True)

    assert more.smallest_p_value == held.smallest_p_value
    widths = [pair.half_width(shares, np.random.default_rng(0)) for pair in (held, more)]
    assert widths[0] == widths[1]


def test_nothing_seen_is_not_nothing_there() -> None:
    none = Pair(cells((50, 0)), cells((50, 0)))

    assert none.half_width(shares, np.random.default_rng(0)) == 3 / 50


@pytest.mark.parametrize("blocks", [None, 4, 7, 15])
def test_the_half_width_covers_the_true_difference(blocks: int | None) -> None:
    """Of days whose rates vary, as of sessions."""
    random = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        sides = []
        for rate in (0.3, 0.4):
            rates = random.beta(20 * rate, 20 * (1 - rate), size=blocks or 1)
            bought = random.binomial(200, rates if blocks else rate)
            sides.append(cells(*((200 - each, each) for each in np.atleast_1d(bought))))
        pair = Pair(sides[0], sides[1], blocks is not None)
        before, after = shares(*pair.sides)
        covered += abs(after[0, 0] - before[0, 0] - 0.1) <= pair.half_width(shares, random)

    assert covered >= 176  # of 190 to expect; fewer come by chance once in 10,000
