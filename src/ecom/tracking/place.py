"""Where the record of runs is kept."""

import os
from pathlib import Path
from typing import Final

DATABASE: Final = "mlflow.db"
ARTIFACTS: Final = "mlartifacts"
ADDRESS_VARIABLE: Final = "MLFLOW_TRACKING_URI"
DVC_ROOT_VARIABLE: Final = "DVC_ROOT"  # the project whose experiment runs, also in its copies


def local_home(root: Path) -> Path | None:
    """Return the folder of the project's own record, None where there is a server."""
    if os.environ.get(ADDRESS_VARIABLE):
        return None
    return Path(os.environ.get(DVC_ROOT_VARIABLE) or root)


def is_begun(root: Path) -> bool:
    """Whether there is a record: a server is taken to have one."""
    home = local_home(root)
    return home is None or (home / DATABASE).exists()
