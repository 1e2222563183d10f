"""Counts add up, whether sessions come one by one or many at a time, and hold no session."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from ecom.serving.manifest import packaged_columns
from ecom.serving.monitoring import TOGETHER, Distribution, Monitoring
from ecom.serving.scoring import Answer, Answers

COLUMNS = packaged_columns("end_of_session")
EDGES = (0.0, 0.5, 1.0, 10.0)


def answers(*probabilities: float) -> Answers:
    found = np.array(probabilities)
    return Answers(found, found, found >= 0.5)


def answer(probability: float) -> Answer:
    return Answer(0.0, probability, probability >= 0.5)


def samples(monitoring: Monitoring) -> dict[tuple[str, ...], float]:
    """Return the value of each sample, by its name and the values of its labels."""
    families = text_string_to_metric_families(monitoring.page().decode())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }


@given(values=st.lists(st.floats(0, 100), max_size=40))
def test_one_by_one_or_at_once_makes_no_difference(values: list[float]) -> None:
    together, alone = Distribution("d", "", EDGES), Distribution("d", "", EDGES)
    together.add(np.array(values))
    for value in values:
        alone.add(np.array([value]))

    assert together.buckets()[0] == alone.buckets()[0]
    expected = [sum(value <= edge for value in values) for edge in (*EDGES, np.inf)]
    assert [count for _, count in together.buckets()[0]] == expected
    assert np.isclose(together.buckets()[1], sum(values))


def test_answers_inputs_and_unknown_categories_are_counted() -> None:
    monitoring = Monitoring()
    monitoring.serve("version", COLUMNS)
    inputs = {
        "PageValues": np.array([0.0, 12.0]),
        "Month": np.array(["Nov", "a secret"], object),
        "Weekend": np.array([1.0, 0.0]),
    }

    monitoring.count(inputs, answers(0.2, 0.7))

    found = samples(monitoring)
    assert found["ecom_answers_total", "flagged"] == 1
    assert found["ecom_answers_total", "not flagged"] == 1
    assert found["ecom_score_bucket", "0.2"] == 1
    assert found["ecom_score_count",] == 2
    assert found["ecom_input_bucket", "PageValues", "10"] == 1
    assert found["ecom_input_sum", "PageValues"] == 12
    assert found["ecom_input_category_total", "Month", "Nov"] == 1
    assert found["ecom_input_category_total", "Month", "unknown"] == 1
    assert found["ecom_input_category_total", "Weekend", "true"] == 1
    assert found["ecom_unknown_categories_total", "Month"] == 1
    assert "secret" not in monitoring.page().decode()


def test_sessions_are_counted_together_whatever_columns_their_packages_have() -> None:
    monitoring = Monitoring()
    monitoring.serve("version", COLUMNS)
    for _ in range(TOGETHER):
        monitoring.count_one({"Weekend": np.array([1.0]), "Month": np.array(["Nov"])}, answer(0.7))
    monitoring.count_one({"Month": np.array(["Nov"], object)}, answer(0.2))
    monitoring.count_one({"Weekend": np.array([0.0])}, answer(0.2))

    found = samples(monitoring)

    assert found["ecom_answers_total", "flagged"] == TOGETHER
    assert found["ecom_answers_total", "not flagged"] == 2
    assert found["ecom_input_category_total", "Month", "Nov"] == TOGETHER + 1
    assert found["ecom_input_category_total", "Weekend", "true"] == TOGETHER
    assert found["ecom_input_category_total", "Weekend", "false"] == 1


def test_one_package_is_named_at_a_time() -> None:
    monitoring = Monitoring()
    monitoring.serve("old", COLUMNS)
    monitoring.serve("new", COLUMNS)

    versions = [labels[1] for labels in samples(monitoring) if labels[0] == "ecom_model_info"]
    assert versions == ["new"]


def test_two_services_in_a_process_count_apart() -> None:
    first, second = Monitoring(), Monitoring()
    first.count({}, answers(0.7))

    assert samples(second)["ecom_answers_total", "flagged"] == 0
