"""What other stages than tune read of its section."""

from ecom.params.backend import Backend
from ecom.params.section import parse_section
from ecom.params.tune import Tune
from params import COMMITTED


def test_a_backend_is_read_from_the_section_and_passes_over_the_rest() -> None:
    found = parse_section({"tune": {**COMMITTED["tune"], "n_iter": "many"}}, Backend)

    assert found.n_jobs == COMMITTED["tune"]["n_jobs"]
    assert Backend.items() == ("tune.backend", "tune.n_jobs", "tune.scheduler")
    assert Tune.items() == ("tune",)
