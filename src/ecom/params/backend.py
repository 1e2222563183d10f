"""What section ``tune`` says of where models are fitted, which other stages read too."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from ecom.params.section import Section


class Backend(Section):
    """Where models are fitted, in all stages that fit many; results do not depend on it.

    Attributes
    ----------
    backend
        ``local``: processes of this machine. ``dask``: a cluster.
    scheduler
        Address of the cluster's scheduler; None starts a cluster on this machine.
    n_jobs
        Processes on this machine.
    """

    model_config = ConfigDict(extra="ignore")

    name = "tune"
    keys: ClassVar[tuple[str, ...]] = ("backend", "n_jobs", "scheduler")

    n_jobs: Annotated[int, Field(ge=1, le=256)]
    backend: Literal["local", "dask"]
    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls)://\S+:\d+$")] | None
