"""A cluster that the tests of this folder share."""

from collections.abc import Iterator

import pytest

from clusters import Cluster, cluster_of


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster_of(2, tmp_path_factory.mktemp("cluster")) as running:
        yield running
