"""Any raw file either passes validation, and all of the graph then finishes, or stops it there."""

import hashlib
from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from ecom.schema import NAMES
from hostile_files import GOOD, KINDS, PLAUSIBLE, hostile_files
from in_process import RESULTS, Graph, graph

pytestmark = pytest.mark.hostile
AFTER_VALIDATE = RESULTS[RESULTS.index("validate") + 1 :]
CLEAN = "data/processed/online_shoppers_clean.csv"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Return a graph that has run on a good file."""
    folder = tmp_path_factory.mktemp("graph")
    (folder / "source.csv").write_bytes(GOOD)
    with pytest.MonkeyPatch.context() as patch:
        made = graph(
            folder,
            patch,
            {
                "data.sources": [str(folder / "source.csv")],
                "data.sha256": None,
                "validate.min_rows": 200,
                "validate.max_rows": 2000,
                "folds.n_splits": 2,
                "tune.n_iter": 1,
                "cross_fit.repeats": 2,
                "over_time.months_before": 8,
                "learning_curve.shares": [0.5],
                "tune.n_jobs": 1,
                "bootstrap.resamples": 100,
                "explain.rows": 10,
                "explain.columns": 1,
                "package.rows": 100,
            },
        )
        assert made.run(*RESULTS) is None
        yield made


FINISHED: set[str] = set()  # hashes of clean data on which all stages finished
EXAMPLES = 100 if settings().max_examples > 1000 else 4  # of each of 27 kinds
MAY_PASS = PLAUSIBLE | {"another_order_of_columns"}


@pytest.mark.filterwarnings("ignore")  # of scikit-learn, that a fit of nonsense does not converge
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_file_stops_in_validate_or_runs_to_the_end(good: Graph, kind: str) -> None:
    passed = 0

    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES < 100,  # make prove looks for what is new, make test for what broke
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(made=hostile_files(kind))
    def attack(made: tuple[list[str], bytes]) -> None:
        nonlocal passed
        passed += runs_to_the_end(good, *made)

    attack()
    assert passed or kind not in MAY_PASS


def runs_to_the_end(good: Graph, kinds: list[str], content: bytes) -> bool:
    """Run the graph on a file; hold it to finish, or to stop with a message and no other change."""
    (good.root / "source.csv").write_bytes(content)
    before = good.files("data/raw", "metrics/validate.json", "source.csv")

    stopped = good.run("fetch", "validate")

    if stopped is None:
        assert good.run("clean") is None
        clean = hashlib.sha256((good.root / CLEAN).read_bytes()).hexdigest()
        if clean not in FINISHED:
            assert good.run(*AFTER_VALIDATE) is None
            hold_to_be_finite(good)
            FINISHED.add(clean)
        return True
    stage, said = stopped
    assert "Traceback" not in said
    assert len(said) < 5000
    if stage == "fetch":
        assert "has the expected content:" in said
    else:
        problems = good.metrics()["validate"]["problems"]
        assert len(problems) == said.count("\n  - ") > 0
        for problem in problems:
            assert problem["rule"] in said
            assert problem["column"] in {*NAMES, None}
            assert (
                problem["column"] is None
                or f"{problem['column']} must be {problem['rule']}" in said
            )
        if set(kinds) == {"one_cell"} and b"\0" not in content:
            assert any(problem["column"] for problem in problems)
        assert good.run("clean") == (
            "clean",
            "clean: metrics/validate.json lists problems of the raw data: solve them first\n",
        )
    assert good.files("data/raw", "metrics/validate.json", "source.csv") == before
    return False


def hold_to_be_finite(run: Graph) -> None:
    """Hold metrics to be finite, which reading them does, all there, and scores probabilities."""
    metrics = run.metrics()
    silent = {"fetch", "refit", "model_card", "package"}  # model_card writes the summary
    assert set(metrics) == set(RESULTS) - silent | {"summary"}
    assert 0 <= metrics["evaluate"]["best_model"]["pr_auc"] <= 1
    scores = pd.read_parquet(run.root / "data" / "predictions" / "test.parquet")["best_model"]
    assert scores.between(0, 1).all()
