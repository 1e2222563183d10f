"""What was reviewed is what is served: to the last digit, by every way in, whatever is asked."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import np_to_triton_dtype

from ecom.models.averaging import log_odds
from ecom.schema import FEATURES
from project import Project
from service import Served, served

BLOCK = 1000
THOROUGH = settings().max_examples > 1000  # make prove
CASES = 500 if THOROUGH else 25  # of each way in and each kind: as documented, and not


@pytest.fixture(scope="module")
def serving(synthetic: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    log = tmp_path_factory.mktemp("serving") / "log"
    with served(synthetic.root / "models" / "package", log) as running:
        yield running


@pytest.fixture(scope="module")
def sessions(synthetic: Project) -> pd.DataFrame:
    """Return the test rows as raw sessions."""
    table = pd.read_parquet(synthetic.root / "data" / "features" / "test.parquet")
    return table[list(FEATURES)].astype({"Weekend": bool})


@pytest.fixture(scope="module")
def judged(synthetic: Project) -> Any:
    """Return the scores that `evaluate` judged."""
    return pd.read_parquet(synthetic.root / "data" / "predictions" / "test.parquet")["best_model"]


def test_one_by_one_and_in_a_batch_the_scores_are_those_that_were_judged(
    serving: Served, sessions: pd.DataFrame, judged: Any
) -> None:
    rows = sessions.to_dict("records")

    batches = [
        serving.post("/predict/batch", {"sessions": rows[start : start + BLOCK]}).json["answers"]
        for start in range(0, len(rows), BLOCK)
    ]
    batch = [answer for answers in batches for answer in answers]
    alone = [serving.post("/predict", row).json for row in rows]

    assert [answer["probability"] for answer in alone] == [a["probability"] for a in batch]
    assert [answer["flagged"] for answer in alone] == [answer["flagged"] for answer in batch]
    found = [answer["probability"] for answer in alone]
    np.testing.assert_allclose(found, judged, rtol=0, atol=1e-12)


def test_reasons_add_up_to_the_log_odds_of_the_model(
    synthetic: Project, serving: Served, sessions: pd.DataFrame, judged: Any
) -> None:
    found = [serving.post("/explain", row).json for row in sessions.to_dict("records")]

    model = joblib.load(synthetic.root / "models" / "best_model.joblib")
    expected = log_odds(model, sessions)
    sums = [each["base"] + sum(each["contributions"].values()) for each in found]
    np.testing.assert_allclose(sums, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose([each["log_odds"] for each in found], expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose([each["probability"] for each in found], judged, rtol=0, atol=1e-12)


def test_the_inference_protocol_gives_the_same_scores(
    serving: Served, sessions: pd.DataFrame, judged: Any
) -> None:
    tensors = []
    for name, values in sessions.items():
        column = values.to_numpy()[:BLOCK]
        tensor = InferInput(str(name), [len(column)], np_to_triton_dtype(column.dtype))
        tensor.set_data_from_numpy(column, binary_data=False)
        tensors.append(tensor)
    client = InferenceServerClient(serving.url.removeprefix("http://"))
    wanted = [InferRequestedOutput("probability", binary_data=False)]

    found = client.infer("purchase", tensors, outputs=wanted).as_numpy("probability")

    np.testing.assert_allclose(found, judged[:BLOCK], rtol=0, atol=1e-12)


@pytest.mark.hostile
@pytest.mark.parametrize("mode", GenerationMode)
def test_whatever_is_asked_is_answered_as_documented(serving: Served, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{serving.url}/openapi.json")
    answered = Counter[int]()

    for found in document.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # no operation of it is in vain
        if mode is GenerationMode.NEGATIVE and not operation.body:
            continue  # there is nothing that could be wrong

        @settings(
            max_examples=CASES,
            derandomize=not THOROUGH,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def check(case: schemathesis.Case[Any]) -> None:
            # JSON Schema cannot say that the tensors must be the columns, each once.
            tensors = case.path.endswith("/infer")
            response = case.call_and_validate(
                excluded_checks=[positive_data_acceptance] if tensors else []
            )
            answered[response.status_code] += 1

        check()
    assert sum(answered.values()) >= 5 * CASES
    assert answered[200 if mode is GenerationMode.POSITIVE else 422] > 2 * CASES
