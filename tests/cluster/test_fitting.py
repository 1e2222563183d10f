"""Models are fitted on a real cluster: the same bytes, whatever happens to its workers."""

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from clusters import Cluster, cluster_of
from ecom.cluster.fitting import fitting_on
from ecom.models.search import stratified_folds, trials, tune_candidate
from ecom.params.backend import Backend
from ecom.params.folds import Folds
from ecom.params.tune import Distribution, Tune
from generated import features_and_labels
from servers import kill

C = Distribution(distribution="log_uniform", low=0.1, high=2)
pytestmark = pytest.mark.slow


def on(scheduler: str | None, n_jobs: int = 2) -> Backend:
    return Backend(backend="dask", scheduler=scheduler, n_jobs=n_jobs)


def searched(where: Backend) -> tuple[bytes, Any]:
    """Return the model that a search finds, pickled, and all that it tried."""
    sessions, labels = features_and_labels()
    tune = Tune(
        n_iter=6,
        scoring="average_precision",
        seed=1,
        distributions={"logistic_interactions": {"C": C}},
        **where.model_dump(),
    )
    with fitting_on(where):
        search = tune_candidate(
            "logistic_interactions",
            sessions,
            labels,
            folds=stratified_folds(labels, Folds(n_splits=3, seed=0)),
            tune=tune,
            feature_set="end_of_session",
        )
    return pickle.dumps(search.best_estimator_), trials(search, ["C"])


@pytest.fixture(scope="module")
def expected() -> tuple[bytes, Any]:
    return searched(Backend(backend="local", scheduler=None, n_jobs=1))


def test_a_search_on_a_cluster_gives_the_bytes_of_one_here(
    cluster: Cluster, expected: tuple[bytes, Any]
) -> None:
    model, table = searched(on(cluster.address))

    assert model == expected[0]
    assert table.equals(expected[1])


def test_a_worker_lost_in_the_middle_changes_no_byte(
    expected: tuple[bytes, Any], tmp_path: Path
) -> None:
    with cluster_of(2, tmp_path) as cluster:
        timer = threading.Timer(1.5, kill, [cluster.workers[0]])
        timer.start()
        model, table = searched(on(cluster.address))
        timer.join()

    assert model == expected[0]
    assert table.equals(expected[1])


def test_without_an_address_a_cluster_starts_here_and_ends(expected: tuple[bytes, Any]) -> None:
    assert searched(on(None))[0] == expected[0]
