"""Section ``tune``: a search that can be drawn."""

import pytest

from ecom.params.tune import Distribution, Tune
from params import faults_of


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"n_iter": 0},
            "tune.n_iter: 0 is not allowed; input should be greater than or equal to 1",
        ),
        ({"n_iter": "15"}, "tune.n_iter: '15' is not allowed; input should be a valid integer"),
        ({"n_iter": 1.5}, "tune.n_iter: 1.5 is not allowed; input should be a valid integer"),
        ({"n_iter": True}, "tune.n_iter: True is not allowed; input should be a valid integer"),
        ({"n_iter": [15]}, "tune.n_iter: [15] is not allowed; input should be a valid integer"),
        (
            {"n_iters": 3},
            "tune.n_iters: unknown key; known are n_jobs, backend, scheduler, n_iter, scoring, seed, distributions; did you mean n_iter?",
        ),
        (
            {"scheduler": "localhost"},
            "tune.scheduler: 'localhost' is not allowed; string should match pattern",
        ),
        (
            {"backend": "ray"},
            "tune.backend: 'ray' is not allowed; input should be 'local' or 'dask'",
        ),
        (
            {"scoring": "f1"},
            "tune.scoring: 'f1' is not allowed; input should be 'average_precision', 'roc_auc'",
        ),
        (
            {"distributions.logistic": {}},
            "tune.distributions.logistic: {} is not allowed; dictionary should have at least 1 item",
        ),
        (
            {"distributions.logistic.C.low": -1},
            "tune.distributions.logistic.C: low -1.0 is not above 0, as log_grid needs",
        ),
        (
            {"distributions.logistic.C.low": 2000},
            "tune.distributions.logistic.C: low 2000.0 is not below high 1000.0",
        ),
        (
            {"distributions.logistic.C.num": None},
            "tune.distributions.logistic.C: num is required for log_grid and not allowed for other distributions",
        ),
        (
            {"distributions.logistic.C.max": 1},
            "tune.distributions.logistic.C.max: unknown key; known are distribution, low, high, num",
        ),
        (
            {"distributions.hist_gradient_boosting.max_leaf_nodes.low": 8.5},
            "tune.distributions.hist_gradient_boosting.max_leaf_nodes: low 8.5 and high 24.0 are not both whole numbers",
        ),
    ],
)
def test_a_value_that_is_not_allowed_is_told(changes: dict[str, object], said: str) -> None:
    (fault,) = faults_of(Tune, changes)

    assert fault.startswith(said)


@pytest.mark.parametrize(
    "changes", [{"n_jobs": 1}, {"backend": "dask", "scheduler": "tls://a.example:8786"}]
)
def test_other_values_are_taken(changes: dict[str, object]) -> None:
    assert faults_of(Tune, changes) == []


def test_a_distribution_is_told_in_words() -> None:
    drawn = Distribution(distribution="integer", low=8, high=24)

    assert str(drawn) == "integer from 8 to 24"
