"""Two packages on the same sessions: verdicts as in compare, and only on what neither has seen."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ecom.data.synthetic import generate_sessions
from ecom.errors import DataError, PackageError
from ecom.models.pipelines import build_pipeline
from ecom.params.bootstrap import Bootstrap
from ecom.project.params_file import read_params
from ecom.review.packages import Contender, Judgement, judge_packages
from ecom.review.verdicts import Rules
from ecom.review.wording import judgement_headline, judgement_to_markdown
from ecom.schema import FEATURE_SETS, TARGET
from ecom.serving.package import open_package
from generated import features_and_labels
from packaged import packaged, written
from project import ROOT

PARAMS = read_params(ROOT)
RULES = replace(Rules.from_params(PARAMS), bootstrap=Bootstrap(resamples=100, seed=0))
NEW = generate_sessions(4000, seed=77)


@pytest.fixture(scope="module")
def contenders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Contender]:
    folder = tmp_path_factory.mktemp("contenders")
    sessions, labels = features_and_labels()
    blind = FEATURE_SETS["at_arrival"]
    good = build_pipeline("logistic", seed=0).fit(sessions, labels)
    poor = build_pipeline("logistic", seed=0, feature_set="at_arrival").fit(
        sessions[list(blind)], labels
    )
    files = {"good": packaged(good, "logistic"), "poor": packaged(poor, "logistic", "at_arrival")}
    return {
        name: Contender(name, open_package(written(content, folder / name)))
        for name, content in files.items()
    }


def judged(
    contenders: dict[str, Contender], one: str, other: str, sessions: pd.DataFrame, folder: Path
) -> Judgement:
    sessions.to_csv(folder / "new.csv", index=False)
    return judge_packages(
        contenders[one], contenders[other], str(folder / "new.csv"), RULES, PARAMS.evaluate.bins
    )


@pytest.mark.parametrize(
    ("pair", "verdict", "status"),
    [("poor good", "better", 0), ("good poor", "worse", 1), ("good good", "no worse", 0)],
)
def test_the_better_package_wins(
    contenders: dict[str, Contender], tmp_path: Path, pair: str, verdict: str, status: int
) -> None:
    one, other = pair.split()

    found = judged(contenders, one, other, NEW, tmp_path)

    assert (found.verdict, found.exit_status) == (verdict, status)
    assert found.sessions == 4000
    text = judgement_to_markdown(found)
    assert judgement_headline(found) in text
    assert f"`{one}` → `{other}`" in text


def test_sessions_that_a_model_was_fitted_to_are_left_out(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    sessions, labels = features_and_labels()
    seen = sessions.assign(**{TARGET: labels.astype(bool)}).astype({"Weekend": bool})

    found = judged(contenders, "poor", "good", pd.concat([NEW, seen]), tmp_path)

    assert found.trained_on == len(seen)
    assert found.sessions == 4000
    assert "are like one that a model was fitted to" in judgement_to_markdown(found)


def test_sessions_without_outcome_or_with_faults_are_left_out(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    sessions = NEW.astype({TARGET: str})
    sessions.loc[:99, TARGET] = ""
    sessions.loc[100:149, "PageValues"] = -1

    found = judged(contenders, "good", "good", sessions, tmp_path)

    assert (found.without_outcome, found.not_allowed, found.sessions) == (100, 50, 3850)


def test_too_few_sessions_cannot_tell(contenders: dict[str, Contender], tmp_path: Path) -> None:
    found = judged(contenders, "good", "poor", NEW[~NEW[TARGET]], tmp_path)

    assert (found.verdict, found.exit_status) == ("cannot tell", 3)
    assert "0 of them purchases" in judgement_headline(found)


def test_without_outcomes_nothing_can_be_told(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    found = judged(contenders, "good", "poor", NEW.drop(columns=TARGET), tmp_path)

    assert found.exit_status == 3
    assert found.without_outcome == 4000
    assert "expected the column Revenue" in judgement_headline(found)


def test_a_column_that_is_missing_is_named(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="has no column PageValues"):
        judged(contenders, "poor", "good", NEW.drop(columns="PageValues"), tmp_path)


def test_costs_that_differ_leave_the_cost_out(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    good = contenders["good"]
    costs = good.package.manifest.costs.model_copy(update={"false_negative": 9.0})
    manifest = good.package.manifest.model_copy(update={"costs": costs})
    other = {**contenders, "dear": Contender("dear", replace(good.package, manifest=manifest))}

    found = judged(other, "good", "dear", NEW, tmp_path)

    assert list(found.left_out) == ["cost_per_1000_sessions"]
    assert "cost_per_1000_sessions" not in [finding.metric for finding in found.findings]


def test_another_threshold_of_the_same_scores_lets_the_cost_decide(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    good = contenders["good"]
    manifest = good.package.manifest.model_copy(update={"threshold": 0.9})
    other = {**contenders, "few": Contender("few", replace(good.package, manifest=manifest))}

    assert judged(other, "good", "few", NEW, tmp_path).verdict == "worse"


def test_packages_of_real_and_of_generated_sessions_are_not_compared(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    good = contenders["good"]
    manifest = good.package.manifest.model_copy(update={"data": "real"})
    other = {**contenders, "real": Contender("real", replace(good.package, manifest=manifest))}

    found = judged(other, "good", "real", NEW, tmp_path)

    assert found.exit_status == 3
    assert "fitted to synthetic sessions, challenger to real ones" in judgement_headline(found)


def test_another_strategy_lets_the_cost_decide_too(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    good = contenders["good"]
    manifest = good.package.manifest.model_copy(update={"strategy": "quota", "threshold": 0.9})
    other = {**contenders, "few": Contender("few", replace(good.package, manifest=manifest))}

    found = judged(other, "good", "few", NEW, tmp_path)

    assert "cost_per_1000_sessions" in found.decisive
    assert found.verdict == "worse"


def test_a_package_that_does_not_say_what_it_was_fitted_to_is_refused(
    contenders: dict[str, Contender], tmp_path: Path
) -> None:
    good = contenders["good"].package
    contents = {name: each for name, each in good.contents.items() if name != "trained_on.bin"}
    old = {**contenders, "old": Contender("old", replace(good, contents=contents))}

    with pytest.raises(PackageError, match=r"has no trained_on.bin: an older version of ecom"):
        judged(old, "good", "old", NEW, tmp_path)
