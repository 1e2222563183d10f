"""The command that starts workers gives them the threads and kernels of the stages."""

import pytest

from clusters import Cluster, client_of
from ecom.cluster.connection import own_identity
from ecom.numerics import fixed_variables


@pytest.mark.slow
def test_a_worker_has_one_thread_and_the_fixed_kernels(cluster: Cluster) -> None:
    with client_of(cluster.address) as client:
        found = client.run(own_identity)
        threads = client.nthreads()

    assert len(found) == len(cluster.workers)
    assert set(threads.values()) == {1}
    for identity in found.values():
        assert identity.items() >= fixed_variables().items()
