"""joblib on a real cluster: data is sent once, and no loss goes unnoticed."""

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cloudpickle import register_pickle_by_value
from sklearn.utils.parallel import Parallel, delayed

from clusters import Cluster, client_of, cluster_of
from ecom.cluster.fitting import fitting_on
from ecom.errors import ClusterError
from ecom.params.backend import Backend
from generated import features_and_labels
from servers import kill

register_pickle_by_value(sys.modules[__name__])  # workers do not have this module
pytestmark = pytest.mark.slow


def on(scheduler: str) -> Backend:
    return Backend(backend="dask", scheduler=scheduler, n_jobs=2)


def row_of(sessions: Any, place: int) -> tuple[int, float]:
    """Return the process that ran this, and a value that it needed the sessions for."""
    time.sleep(0.2)
    return os.getpid(), float(sessions.iloc[place, 0])


def names_of(stored: Any) -> list[str]:
    return [name for name in stored if str(name).startswith("DataFrame")]


def test_a_table_is_sent_once_and_every_worker_works(cluster: Cluster) -> None:
    sessions, _ = features_and_labels()
    with fitting_on(on(cluster.address)), client_of(cluster.address) as watching:
        for _ in range(3):  # calls
            found = Parallel(n_jobs=2)(delayed(row_of)(sessions, place) for place in range(8))
            assert [value for _, value in found] == sessions.iloc[:8, 0].tolist()
            assert len({process for process, _ in found}) == 2
        held = watching.run_on_scheduler(lambda dask_scheduler: names_of(dask_scheduler.tasks))
    assert len(held) == 1


def test_results_come_one_after_the_other_where_that_is_asked_for(cluster: Cluster) -> None:
    sessions, _ = features_and_labels()
    with fitting_on(on(cluster.address)):
        jobs = (delayed(row_of)(sessions, place) for place in range(4))
        found = [value for _, value in Parallel(n_jobs=2, return_as="generator")(jobs)]

    assert found == sessions.iloc[:4, 0].tolist()


def nested(_: int) -> list[int]:
    """Run parallel code within a task."""
    return list(Parallel(n_jobs=2)(delayed(os.getpid)() for _ in range(4)))


def test_what_a_task_runs_in_parallel_stays_in_its_process(cluster: Cluster) -> None:
    with fitting_on(on(cluster.address)):
        found = Parallel(n_jobs=2)(delayed(nested)(place) for place in range(4))

    assert all(len(set(processes)) == 1 for processes in found)
    assert os.getpid() not in {process for processes in found for process in processes}


def test_steps_of_a_fit_in_this_process_stay_here(cluster: Cluster) -> None:
    with fitting_on(on(cluster.address)):
        found = Parallel()(delayed(os.getpid)() for _ in range(2))

    assert set(found) == {os.getpid()}


def test_a_lost_scheduler_is_told(tmp_path: Path) -> None:
    sessions, _ = features_and_labels()
    with cluster_of(1, tmp_path) as cluster:
        told = pytest.raises(ClusterError, match="was lost: start it again")
        with told, fitting_on(on(cluster.address)):
            threading.Timer(1, kill, [cluster.scheduler]).start()
            Parallel(n_jobs=2)(delayed(row_of)(sessions, place) for place in range(24))


def end(_: int) -> None:
    os._exit(1)


def test_work_that_ends_every_worker_is_told(cluster: Cluster) -> None:
    with (
        pytest.raises(ClusterError, match="lost with several workers"),
        fitting_on(on(cluster.address)),
    ):
        Parallel(n_jobs=2)(delayed(end)(place) for place in range(1))
