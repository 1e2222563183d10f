"""Does `drift` raise false alarms, and does it see drift? Draws samples, writes docs/drift.md.

The sessions of the file are taken for a population: reference and new sessions are drawn from it
with replacement, so that without a planted change there is no drift by construction.
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "stages"))

from _environment import ROOT

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import track
from scipy import stats

from ecom.drift.outcome import Drift, Settings, find_drift
from ecom.drift.quality import RATE, OperatingPoint, Quality, calibrate, expected, realised
from ecom.evaluation.counts import Floats
from ecom.evaluation.metrics import COST, METRICS
from ecom.notation import markdown_table
from ecom.params.threshold import Costs
from ecom.project import files
from ecom.schema import TARGET
from ecom.serving.package import open_package
from ecom.serving.profile import Tally, score_bins

REFERENCE = 10_000  # sessions
SIZES = (100, 1_000, 10_000)  # new sessions
UNCHANGED = 400  # pairs of samples without drift, of each size
PLANTED = 50  # pairs of samples of each planted drift, of each size
WORKERS = 2
PAGE = ROOT / "docs" / "drift.md"
PACKAGE = ROOT / files.PACKAGE
LATE = ("Nov", "Dec")
LOST = 0.05  # of the page values
KEPT = 0.8  # of the purchases
FIGURES = (RATE, "pr_auc", "precision", "recall", COST)

Change = Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]


@dataclass(frozen=True)
class Plant:
    """A drift: which sessions new ones are drawn from, and what is done to them."""

    name: str
    change: Change = lambda sessions, _: sessions
    reference: Callable[[pd.DataFrame], pd.DataFrame] = lambda sessions: sessions
    new: Callable[[pd.DataFrame], pd.DataFrame] = lambda sessions: sessions


def scaled(sessions: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Multiply the durations of product pages by 1.1."""
    name = "ProductRelated_Duration"
    return sessions.assign(**{name: sessions[name] * 1.1})


def renamed(sessions: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Rename a category to one that is not allowed."""
    names = sessions["VisitorType"].replace("Returning_Visitor", "returning")
    return sessions.assign(VisitorType=names)


def renumbered(sessions: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Change a code that a fifth of the sessions have."""
    return sessions.assign(Browser=sessions["Browser"].replace(1, 99))


def zeroed(sessions: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Set 5 % of the page values to 0."""
    lost = random.random(len(sessions)) < LOST
    return sessions.assign(PageValues=sessions["PageValues"].where(~lost, 0.0))


def halved(sessions: pd.DataFrame) -> pd.DataFrame:
    """Leave out every second purchase."""
    bought = sessions[sessions[TARGET]]
    return sessions.drop(bought.index[::2])


def forgotten(sessions: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Let a fifth of the purchases not happen, whatever the score."""
    kept = random.random(len(sessions)) < KEPT
    return sessions.assign(**{TARGET: sessions[TARGET] & kept})


def without_outcomes(sessions: pd.DataFrame, _: np.random.Generator) -> pd.DataFrame:
    """Leave the outcomes out."""
    return sessions.drop(columns=TARGET)


PLANTS = (
    Plant(
        "November and December against the months before",
        reference=lambda sessions: sessions[~sessions["Month"].isin(LATE)],
        new=lambda sessions: sessions[sessions["Month"].isin(LATE)],
    ),
    Plant("durations of product pages times 1.1", change=scaled),
    Plant("a category renamed to one that is not allowed", change=renamed),
    Plant("a code of a browser changed to another", change=renumbered),
    Plant("5 % of the page values lost", change=zeroed),
    Plant("half of the purchases left out", new=halved),
    Plant("half of the purchases left out, outcomes not known", without_outcomes, new=halved),
    Plant("a fifth of the purchases do not happen at the same score", change=forgotten),
)
NOTHING = Plant("nothing changed")


def drawn(plant: Plant, sessions: pd.DataFrame, size: int, seed: int) -> Drift:
    """Draw both sides, and look for drift."""
    random = np.random.default_rng(seed)
    sides = {
        "reference": plant.reference(sessions).sample(REFERENCE, replace=True, random_state=random),
        "new": plant.change(
            plant.new(sessions).sample(size, replace=True, random_state=random), random
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: str(Path(folder) / f"{name}.parquet") for name in sides}
        for name, side in sides.items():
            side.to_parquet(paths[name], index=False)
        return find_drift(
            paths["reference"], paths["new"], open_package(PACKAGE), Settings(seed=seed)
        )


def alarms(plant: Plant, sessions: pd.DataFrame, size: int, seed: int) -> list[str]:
    """Return what raised alarms in a pair of samples."""
    return [shift.name for shift in drawn(plant, sessions, size, seed).alarms]


def covered(
    scores: Floats, labels: NDArray[np.int64], point: OperatingPoint, size: int, seed: int
) -> dict[str, bool]:
    """Return whether figures of new sessions are inside the intervals that scores promise."""
    random = np.random.default_rng(seed)
    before, now = (random.integers(len(scores), size=rows) for rows in (REFERENCE, size))
    reference = tally(scores[before], labels[before], point)
    new = tally(scores[now], labels[now], point)
    promised = expected(new.by_outcome.sum(axis=0), calibrate(reference), point, seed)
    came = realised(new, point, seed)
    if promised is None or came is None:
        return {}
    return {
        name: promised[name].interval[0] <= came[name].value <= promised[name].interval[1]
        for name in FIGURES
    }


def repeated(plant: Plant, sessions: pd.DataFrame, size: int, times: int) -> list[list[str]]:
    """Return what raised alarms in each of many pairs."""
    found: list[list[str]] = Parallel(n_jobs=WORKERS)(
        delayed(alarms)(plant, sessions, size, seed) for seed in range(times)
    )
    return found


def rate(hits: Sequence[bool]) -> str:
    """Write a share with its interval by Wilson (1927)."""
    low, high = stats.binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return f"{np.mean(hits):.1%} ({low:.1%} to {high:.1%})"


def coverage(point: OperatingPoint) -> list[list[str]]:
    """Count how often intervals of expected figures hold, without drift, by size."""
    table = pd.read_parquet(ROOT / files.CROSS_FIT)
    scores, labels = table["best_model_1"].to_numpy(), table[TARGET].to_numpy(np.int64)
    found = {
        size: [covered(scores, labels, point, size, seed) for seed in range(UNCHANGED)]
        for size in SIZES[1:]
    }
    return [
        [
            "share of purchases" if name == RATE else METRICS[name].words,
            *(rate([each[name] for each in pairs if each]) for pairs in found.values()),
        ]
        for name in FIGURES
    ]


def months(point: OperatingPoint) -> tuple[list[list[str]], list[str]]:
    """Compare what scores let expect of each month with what came; name months that cost more.

    Models were fitted to the months before it; the calibration is of their sessions.
    """
    forward = pd.read_parquet(ROOT / "data" / "predictions" / "over_time.parquet")
    fitted = pd.read_parquet(ROOT / files.CROSS_FIT).set_index("row")["best_model_1"]
    rows: list[list[str]] = []
    costly: list[str] = []
    for place, now in forward.dropna(subset=["best_model"]).groupby("place"):
        month = str(now["period"].iloc[0])
        earlier = forward[forward["place"] < place]
        before = tally(fitted.loc[earlier["row"]], earlier[TARGET], point)
        came = tally(now["best_model"], now[TARGET], point)
        promised = expected(came.by_outcome.sum(axis=0), calibrate(before), point, seed=0)
        figures, last = realised(came, point, seed=0), realised(before, point, seed=0)
        if promised is None or figures is None or last is None:
            continue
        rows.append([month, f"{len(now):,}", *cells(promised, figures, last)])
        if figures[COST].value > promised[COST].interval[1]:
            costly.append(month)
    return rows, costly


def cells(promised: Quality, figures: Quality, last: Quality) -> list[str]:
    """Return what scores let expect, what came, and what the months before would have said."""
    found = []
    for name in (RATE, "pr_auc", "recall", COST):
        decimals = METRICS[name].decimals if name in METRICS else 3
        low, high = promised[name].interval
        found.append(
            f"{promised[name].value:.{decimals}f} ({low:.{decimals}f} to {high:.{decimals}f}), "
            f"**{figures[name].value:.{decimals}f}**, {last[name].value:.{decimals}f}"
        )
    return found


def tally(scores: ArrayLike, labels: ArrayLike, point: OperatingPoint) -> Tally:
    """Count labelled scores."""
    outcomes = np.asarray(labels, np.int64)
    return Tally.empty(point.bins).plus(np.asarray(scores), outcomes, np.zeros_like(outcomes))


PAGE_TEXT = """# How far `drift` can be trusted

Written by `make drift-study`. [how_to.md](how_to.md#watch-for-drift) says how to use the command.

Sessions of the real file are taken for a population. Reference ({reference:,}) and new sessions are
drawn from it with replacement, so that there is no drift unless one is planted. Brackets hold 95 %
intervals.

## False alarms

The share of {unchanged} pairs of samples without drift that raised an alarm. The command promises
5 % at most.

{false}

## Power

The share of {planted} pairs with a planted drift that raised an alarm. The last column names what
raised most of them among 10,000 new sessions.

{power}

A loss of 5 % of the page values moves the share of sessions with one by about a point, which is
less than the 2 points that matter by default.

## Quality without outcomes

How often, without drift, the realised figure was inside the 95 % interval that was expected from
the scores. Scores are those of sessions that the model was not fitted to.

{covered}

With drift it is another matter. Below, the model of each month was fitted to the months before, and
scores were calibrated on these. Besides the mix of sessions, what a score means changes from month
to month (concept drift), which no estimate from scores can see: expected costs are too low, beyond
their intervals, in {too_good}. The third figure is that of the months before.

{months}
"""


def page(
    nothing: Mapping[int, list[list[str]]],
    planted: Mapping[str, Mapping[int, list[list[str]]]],
    point: OperatingPoint,
) -> str:
    """Return docs/drift.md."""
    heads = [f"{size:,} new sessions" for size in SIZES]
    power = [
        [
            name,
            *(rate([bool(each) for each in found[size]]) for size in SIZES),
            commonest(found[SIZES[-1]]),
        ]
        for name, found in planted.items()
    ]
    by_month, costly = months(point)
    titles = ["share of purchases", "PR-AUC", "recall", "cost per 1,000 sessions"]
    return PAGE_TEXT.format(
        reference=REFERENCE,
        unchanged=UNCHANGED,
        planted=PLANTED,
        false=markdown_table(
            heads, [[rate([bool(each) for each in nothing[size]]) for size in SIZES]]
        ),
        power=markdown_table(["planted", *heads, "by"], power),
        covered=markdown_table(["", *heads[1:]], coverage(point)),
        months=markdown_table(
            ["month", "sessions", *(f"{title}: expected, realised, before" for title in titles)],
            by_month,
        ),
        too_good=", ".join(costly) or "no month",
    )


def commonest(found: list[list[str]]) -> str:
    """Return what raised alarms most often."""
    times = Counter(name for each in found for name in each)
    return ", ".join(f"{name} ({count / len(found):.0%})" for name, count in times.most_common(3))


def main() -> None:
    """Run the study."""
    manifest = open_package(PACKAGE).manifest
    costs = Costs.model_validate(manifest.costs.model_dump())
    point = OperatingPoint(score_bins(manifest.threshold), manifest.threshold, costs)
    sessions = pd.read_csv(ROOT / files.CLEAN)
    sessions[TARGET] = sessions[TARGET].astype(bool)
    nothing = {
        size: repeated(NOTHING, sessions, size, UNCHANGED)
        for size in track(SIZES, "nothing changed")
    }
    planted = {
        plant.name: {size: repeated(plant, sessions, size, PLANTED) for size in SIZES}
        for plant in track(PLANTS, "planted")
    }
    text = page(nothing, planted, point)
    PAGE.write_text(text, encoding="utf-8")
    Console().print(Markdown(text))


if __name__ == "__main__":
    main()
