"""Any raw file either passes validation, and all of the graph then finishes, or stops it there."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings

from ecom.schema import NAMES
from hostile_files import GOOD, KINDS, hostile_files
from in_process import STAGES, Graph, graph

pytestmark = pytest.mark.hostile
AFTER_VALIDATE = STAGES[STAGES.index("validate") + 1 :]
CLEAN = "data/processed/online_shoppers_clean.csv"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    """Return a graph that has run on a good file."""
    folder = tmp_path_factory.mktemp("graph")
    (folder / "source.csv").write_bytes(GOOD)
    with pytest.MonkeyPatch.context() as patch:
        made = graph(
            folder, patch,
            [
                ("data.sources", [str(folder / "source.csv")]), ("data.sha256", None),
                ("validate.min_rows", 200), ("validate.max_rows", 2000),
                ("folds.n_splits", 2), ("tune.n_iter", 1), ("tune.n_jobs", 1),
                ("bootstrap.resamples", 100), ("explain.rows", 10), ("explain.columns", 1),
            ],
        )  # fmt: skip
        assert made.run(*STAGES) is None
        yield made


SEEN: Counter[str] = Counter()
FINISHED: set[str] = set()  # hashes of clean data on which all stages finished


@pytest.mark.filterwarnings("ignore")  # of scikit-learn, that a fit of nonsense does not converge
@settings(
    max_examples=max(200, settings().max_examples),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(made=hostile_files())
def test_a_hostile_file_stops_in_validate_or_runs_to_the_end(
    good: Graph, made: tuple[list[str], bytes]
) -> None:
    kinds, content = made
    SEEN.update(kinds)
    (good.root / "source.csv").write_bytes(content)
    before = good.files("data/raw", "metrics/validate.json", "source.csv")

    stopped = good.run("fetch", "validate")

    if stopped is None:
        event("passed")
        assert good.run("clean") is None
        clean = hashlib.sha256((good.root / CLEAN).read_bytes()).hexdigest()
        if clean not in FINISHED:
            event("ran to the end")
            assert good.run(*AFTER_VALIDATE) is None
            finite(good)
            FINISHED.add(clean)
        return
    stage, said = stopped
    event(f"stopped in {stage}")
    assert "Traceback" not in said
    assert len(said) < 5000
    if stage == "fetch":
        assert "has the expected content:" in said
    else:
        problems = good.metrics()["validate"]["problems"]
        assert len(problems) == said.count("\n  - ")
        for problem in problems:
            assert problem["rule"]
            assert problem["column"] in {*NAMES, None}
        assert good.run("clean") == ("clean", "clean: metrics/validate.json lists problems of the raw data: solve them first\n")  # fmt: skip
    assert good.files("data/raw", "metrics/validate.json", "source.csv") == before


def finite(run: Graph) -> None:
    """Hold metrics to be finite, all of them there, and scores to be probabilities."""
    metrics: dict[str, Any] = run.metrics()
    assert set(metrics) == set(STAGES) - {"fetch", "refit", "model_card"}
    assert 0 <= metrics["evaluate"]["best_model"]["pr_auc"] <= 1


def test_every_kind_of_mutation_was_tried() -> None:
    assert set(SEEN) == set(KINDS)
