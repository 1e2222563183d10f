"""Candidates: each record is complete, and params.yaml is checked against them before any work."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import _param_validation as sklearn_validation

from ecom.errors import ParamsError
from ecom.models.candidates import (
    CANDIDATES,
    Candidate,
    Domain,
    distributions_of,
    find_faults,
    in_order,
    members_of,
    pass_columns,
    single,
)
from ecom.params.cv import Cv
from ecom.params.tune import Distribution, Tune
from params import COMMITTED, with_values

SINGLES = [name for name in CANDIDATES if members_of(name) == (name,)]


def tune(distributions: dict[str, Any]) -> Tune:
    return Tune.model_validate(COMMITTED["tune"] | {"distributions": distributions})


DRAWN = COMMITTED["tune"]["distributions"]
UNIFORM = {"distribution": "uniform", "low": 0.0, "high": 1.0}


@pytest.mark.parametrize("candidate", SINGLES)
def test_what_may_be_drawn_is_what_scikit_learn_takes(candidate: str) -> None:
    model = type(single(candidate).build("end_of_session").model)
    for name, domain in single(candidate).hyperparameters.items():
        constraints = [
            sklearn_validation.make_constraint(each) for each in model._parameter_constraints[name]
        ]
        for given_number in (-1, -1e-9, 0, 1e-9, 0.5, 1, 1.0, 1.5, 2, 2.0, 100, 255, 256, 1e6):
            number = given_number if domain.whole else float(given_number)
            ours = (
                (number > domain.low if domain.exclusive else number >= domain.low)
                and number <= domain.high
                and (isinstance(number, int) or not domain.whole)
            )
            theirs = any(each.is_satisfied_by(number) for each in constraints)
            # No step of a fit, max_iter 0, is no model; too many never end.
            ends = number <= domain.high and (name, number) != ("max_iter", 0)
            assert ours == (theirs and ends), (name, number)


@given(
    low=st.floats(0, 1e6), high=st.floats(0, 1e6), kind=st.sampled_from(["uniform", "log_uniform"])
)
def test_only_what_lies_within_the_domain_is_drawn(low: float, high: float, kind: Any) -> None:
    domain = single("hist_gradient_boosting").hyperparameters["max_features"]
    try:
        drawn = Distribution(distribution=kind, low=low, high=high)
    except ValueError:
        return

    assert domain.contains(drawn) == (low > 0 and high <= 1)


def test_candidates_are_put_in_order_from_the_simplest_on() -> None:
    assert in_order(["average", "logistic"]) == ["logistic", "average"]
    with pytest.raises(ParamsError, match=r"cv\.candidates\.1: 'forest' is not allowed"):
        in_order(["average", "forest"])


def test_an_average_draws_from_the_distributions_of_its_members() -> None:
    found = distributions_of("average", tune(DRAWN))

    assert next(iter(found)) == "logistic_interactions.C"
    assert {name.split(".")[0] for name in found} == set(members_of("average"))
    assert list(distributions_of("logistic", tune(DRAWN))) == ["C"]


@pytest.mark.parametrize("candidate", ["hist_gradient_boosting", "average"])
def test_a_candidate_without_distributions_is_refused(candidate: str) -> None:
    with pytest.raises(ParamsError, match="no section hist_gradient_boosting, which cv may select"):
        distributions_of(candidate, tune({name: DRAWN[name] for name in list(DRAWN)[:2]}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"tune.distributions.logistic.penalty": UNIFORM},
            "tune.distributions.logistic.penalty: unknown key; known are C, max_iter, tol",
        ),
        (
            {"tune.distributions.forest": {"C": UNIFORM}},
            "tune.distributions.forest: unknown key; known are logistic, logistic_interactions",
        ),
        (
            {"tune.distributions.average": {"C": UNIFORM}},
            "tune.distributions.average: unknown key; known are logistic, logistic_interactions",
        ),
        (
            {"tune.distributions.hist_gradient_boosting.max_features.high": 2.0},
            "max_features draws uniform from 0.2 to 2; expected a number above 0 and at most 1",
        ),
        (
            {"tune.distributions.hist_gradient_boosting.max_leaf_nodes.distribution": "uniform"},
            "max_leaf_nodes draws uniform from 8 to 24; expected a whole number at least 2 and at",
        ),
        (
            {
                "tune.distributions.hist_gradient_boosting.learning_rate.distribution": "uniform",
                "tune.distributions.hist_gradient_boosting.learning_rate.low": 0.0,
            },
            "learning_rate draws uniform from 0 to 0.1; expected a number above 0",
        ),
        (
            {"tune.distributions": {"logistic": DRAWN["logistic"]}},
            "tune.distributions has no section hist_gradient_boosting, which cv may select, alone",
        ),
        (
            {"cv.candidates": ["logistic", "forest"]},
            "cv.candidates.1: 'forest' is not allowed; input should be one of logistic, logistic_i",
        ),
    ],
)
def test_faults_that_only_the_candidates_can_tell_are_told(
    changes: dict[str, Any], said: str
) -> None:
    values = with_values(changes)

    faults = find_faults(Cv.model_validate(values["cv"]), Tune.model_validate(values["tune"]))

    assert any(fault.startswith(said) or said in fault for fault in faults), faults


def test_the_committed_params_have_no_such_fault() -> None:
    assert find_faults(Cv.model_validate(COMMITTED["cv"]), tune(DRAWN)) == []
    assert find_faults(None, None) == []


def test_a_record_that_is_incomplete_or_wrong_is_refused_when_it_is_written() -> None:
    parts: dict[str, Any] = {
        "description": "a forest",
        "build": lambda _: None,
        "hyperparameters": {"max_depth": Domain(1, 50, whole=True)},
    }

    with pytest.raises(TypeError, match="explainer"):
        Candidate(**parts)
    with pytest.raises(
        ValueError, match="explainer 'magic' is not one of linear, boosted_trees, f"
    ):
        Candidate(**parts, explainer="magic")  # type: ignore[arg-type]


def test_a_member_of_an_average_is_no_average() -> None:
    with pytest.raises(TypeError, match="average is an average"):
        single("average")


def test_columns_are_passed_on_unchanged_and_in_order() -> None:
    step = pass_columns(["b", "a"])

    assert step.transformers == [("numbers", "passthrough", ["b", "a"])]
