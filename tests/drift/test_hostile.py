"""Any file is compared, or refused with a message; nothing about it is an accident."""

import json

import pytest
from hypothesis import HealthCheck, given, settings

from ecom.drift.outcome import STATUSES, Settings, find_drift
from ecom.drift.wording import to_markdown
from ecom.errors import DataError
from ecom.reporting.drift import drift_page
from ecom.serving.package import Package
from hostile_files import GOOD, KINDS, hostile_files

pytestmark = pytest.mark.hostile
EXAMPLES = 60 if settings().max_examples > 1000 else 3  # of each of 27 kinds


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_file_is_refused_or_compared(
    opened: Package, tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    reference = tmp_path_factory.mktemp("reference") / "reference.csv"
    reference.write_bytes(GOOD)

    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES < 10,  # make prove looks for what is new, make test for what broke
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        deadline=None,
    )
    @given(made=hostile_files(kind))
    def attack(made: tuple[list[str], bytes]) -> None:
        new = tmp_path_factory.mktemp("attack") / "in.csv"
        new.write_bytes(made[1])
        said, found = "", None
        try:
            found = find_drift(str(reference), str(new), opened, Settings())
        except DataError as error:
            said = str(error)
        if found is None:
            assert "in.csv" in said
            return
        assert found.exit_status in STATUSES.values()
        json.dumps(found.to_json(), allow_nan=False)
        assert to_markdown(found)
        assert drift_page(found).endswith("</html>")

    attack()
