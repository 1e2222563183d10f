"""The local record follows the project's folder: MLflow keeps absolute paths of artifacts."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from ecom.errors import TrackingError
from ecom.project.place import ARTIFACTS, DATABASE

# Where MLflow keeps paths of artifacts.
LOCATIONS: Final = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def database_address(home: Path) -> str:
    """Return the address of a folder's own record, for SQLAlchemy, which decodes it."""
    path = str(home / DATABASE)
    encoded = path.replace("%", "%25").replace("?", "%3F")
    # From the short name of the dialect, MLflow would make a folder of the encoded name.
    return f"sqlite:///{path}" if encoded == path else f"sqlite+pysqlite:///{encoded}"


def artifact_root(home: Path) -> str:
    """Return the address of the artifacts of a folder's own record."""
    return (home / ARTIFACTS).as_uri()


def follow_folder(home: Path) -> None:
    """Make a record that was copied or moved with its folder point to this folder's artifacts.

    Raises
    ------
    TrackingError
        The artifacts were left behind.
    """
    database, here = home / DATABASE, artifact_root(home)
    if not database.exists():
        return
    with closing(sqlite3.connect(database)) as connection, connection:
        elsewhere = {
            location.rpartition(f"/{ARTIFACTS}/")[0] + f"/{ARTIFACTS}"
            for location in _locations(connection)
            if f"/{ARTIFACTS}/" in location and not location.startswith(f"{here}/")
        }
        if elsewhere and not (home / ARTIFACTS).is_dir():
            raise TrackingError(
                f"{home / DATABASE} was copied without {ARTIFACTS}/, which lies beside it in the "
                f"folder that it came from: copy that too, or delete {DATABASE} to start anew"
            )
        for there in elsewhere:
            for table, column in LOCATIONS:
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  our own names
                    f"WHERE substr({column}, 1, ?) = ?",
                    (here, len(there) + 1, len(there) + 1, f"{there}/"),
                )


def _locations(connection: sqlite3.Connection) -> list[str]:
    try:
        rows = connection.execute("SELECT artifact_location FROM experiments").fetchall()
    except sqlite3.OperationalError:  # MLflow has not filled the database yet
        return []
    return [location for (location,) in rows if location]
