"""Where models are fitted: in processes of this machine, or on a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecom.params.backend import Backend


@contextmanager
def fitting_on(where: "Backend") -> Iterator[None]:
    """Let joblib, within the block, run on what params.yaml names; results do not depend on it.

    Parameters
    ----------
    where
        ``local`` leaves joblib as it is; ``dask`` needs a scheduler, or starts a cluster here.

    Raises
    ------
    ClusterError
        The cluster cannot be used, or was lost.
    """
    if where.backend == "local":
        yield
        return
    from joblib import parallel_config

    from ecom.cluster.backend import ClusterBackend
    from ecom.cluster.connection import connected

    with (
        connected(where.scheduler, where.n_jobs) as client,
        parallel_config(backend=ClusterBackend(client=client), n_jobs=1),
    ):
        yield
