"""Where the record of runs is kept."""

import os
from pathlib import Path
from typing import Final

DATABASE: Final = "mlflow.db"
ARTIFACTS: Final = "mlartifacts"
ADDRESS_VARIABLE: Final = "MLFLOW_TRACKING_URI"
DVC_ROOT_VARIABLE: Final = "DVC_ROOT"  # set by DVC to the project, also when it runs a copy of it


def local_home(root: Path) -> Path | None:
    """Return the folder of the project's own record, or None if a server keeps it."""
    if os.environ.get(ADDRESS_VARIABLE):
        return None
    return Path(os.environ.get(DVC_ROOT_VARIABLE) or root)


def has_record(root: Path) -> bool:
    """Tell whether there is a record; a server is assumed to have one."""
    home = local_home(root)
    return home is None or (home / DATABASE).exists()
