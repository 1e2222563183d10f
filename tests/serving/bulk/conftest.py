"""Sessions in files, and the package that scores them."""

from pathlib import Path

import pandas as pd
import pytest

from generated import typed_sessions


@pytest.fixture(scope="session")
def sessions() -> pd.DataFrame:
    """Return sessions as Parquet has them, with their target."""
    return typed_sessions(500).reset_index(drop=True)


@pytest.fixture
def csv(sessions: pd.DataFrame, tmp_path: Path) -> Path:
    """Return sessions as a CSV file, with TRUE and FALSE."""
    flags = {name: sessions[name].map({0: "FALSE", 1: "TRUE"}) for name in ("Weekend", "Revenue")}
    sessions.assign(**flags).to_csv(tmp_path / "sessions.csv", index=False)
    return tmp_path / "sessions.csv"
