"""Only results that belong to the code, data and params beside them are recorded."""

from pathlib import Path

import pytest

from ecom.errors import ProjectError
from ecom.project.states import State
from ecom.tracking.record import record


@pytest.mark.usefixtures("finished")
def test_stale_results_are_not_recorded(finished: State, tmp_path: Path) -> None:
    assert "evaluate" in finished.stale()  # the scores are generated

    with pytest.raises(ProjectError, match="run `dvc repro` first"):
        record(tmp_path)

    assert not (tmp_path / "mlflow.db").exists()
