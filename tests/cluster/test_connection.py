"""A cluster is used only if it is there, and computes what this process computes."""

from pathlib import Path

import pytest

from clusters import Cluster, client_of, cluster_of
from ecom.cluster.connection import (
    connected,
    expected_identity,
    hold,
    own_identity,
    require_identity,
)
from ecom.errors import ClusterError
from ecom.numerics import fixed_variables
from servers import free_port


def test_the_identity_changes_with_the_code_and_holds_threads_and_kernels() -> None:
    expected = expected_identity()

    assert expected.items() >= fixed_variables().items()
    assert len(expected["the code in src/ecom"]) == 12
    require_identity(expected, own_identity(), "this process")
    with pytest.raises(ClusterError, match=r"has numpy 1\.0 instead of 2"):
        require_identity(expected, {**expected, "numpy": "1.0"}, "the worker x")
    with pytest.raises(ClusterError, match="has OMP_NUM_THREADS not set instead of 1"):
        require_identity(expected, {**expected, "OMP_NUM_THREADS": ""}, "the worker x")


def test_what_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ecom.cluster.connection.SECONDS", 1)
    told = pytest.raises(ClusterError, match=r"no Dask scheduler answers at .*: start one by")
    with told, connected(f"tcp://127.0.0.1:{free_port()}"):
        pass


@pytest.mark.slow
def test_a_scheduler_without_workers_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ecom.cluster.connection.SECONDS", 2)
    with (
        cluster_of(0, tmp_path) as cluster,
        pytest.raises(ClusterError, match="has no workers: start some by `python -m ecom worker"),
        connected(cluster.address),
    ):
        pass


@pytest.mark.slow
def test_a_worker_that_computes_otherwise_is_refused_also_if_it_joins_later(
    cluster: Cluster, tmp_path: Path
) -> None:
    with connected(cluster.address):
        pass
    with cluster_of(0, tmp_path) as other:
        other.add_worker(command=("-m", "distributed.cli.dask_worker"), OMP_NUM_THREADS="2")
        told = pytest.raises(
            ClusterError, match=r"the worker tcp.* has OMP_NUM_THREADS 2 instead of 1"
        )
        with told, connected(other.address):
            pass


@pytest.mark.slow
def test_what_is_held_outlives_the_worker_that_has_it(tmp_path: Path) -> None:
    with cluster_of(1, tmp_path) as cluster, client_of(cluster.address) as client:
        held = hold(client, {"a": 1}, "held")
        assert held.result() == {"a": 1}
        cluster.lose(cluster.workers[0])
        cluster.add_worker()

        assert client.submit(dict, held, key="copy").result() == {"a": 1}
