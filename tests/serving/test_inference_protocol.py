"""A client of the Open Inference Protocol gets the same answers, and refusals that it can read."""

from typing import Any

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

from generated import features_and_labels
from service import Served

SESSIONS = features_and_labels()[0].head(30).astype({"Weekend": bool})


def tensors(**changes: Any) -> list[InferInput]:
    """Return each column as a tensor, in the type that it has here."""
    found = []
    for name, values in {**{str(n): v.to_numpy() for n, v in SESSIONS.items()}, **changes}.items():
        tensor = InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
        tensor.set_data_from_numpy(values, binary_data=False)
        found.append(tensor)
    return found


@pytest.fixture
def client(service: Served) -> InferenceServerClient:
    return InferenceServerClient(service.url.removeprefix("http://"))


def wanted(*names: str) -> list[InferRequestedOutput]:
    return [InferRequestedOutput(name, binary_data=False) for name in names]


def test_tensors_get_the_answers_of_a_batch(service: Served, client: InferenceServerClient) -> None:
    names = ("probability", "flagged", "log_odds")

    found = client.infer("purchase", tensors(), outputs=wanted(*names), request_id="mine")

    rows = SESSIONS.to_dict("records")
    batch = service.post("/predict/batch", {"sessions": rows}).json
    assert found.as_numpy("probability").tolist() == [
        answer["probability"] for answer in batch["answers"]
    ]
    assert found.as_numpy("flagged").tolist() == [answer["flagged"] for answer in batch["answers"]]
    assert found.as_numpy("log_odds").shape == (30,)
    assert found.get_response()["id"] == "mine"
    assert found.get_response()["parameters"] == {"package": batch["model"]}


def test_columns_may_have_a_second_dimension_and_whole_numbers(
    client: InferenceServerClient,
) -> None:
    given = {str(name): values.to_numpy()[:, None] for name, values in SESSIONS.items()}
    given["PageValues"] = np.zeros((30, 1), np.int64)

    found = client.infer("purchase", tensors(**given), outputs=wanted("probability"))

    assert found.as_numpy("probability").shape == (30,)


def test_it_says_what_it_is(client: InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("purchase")
    assert client.is_model_ready("purchase", "1")
    assert not client.is_model_ready("another")
    assert client.get_server_metadata()["name"] == "ecom"
    inputs = {
        tensor["name"]: tensor["datatype"]
        for tensor in client.get_model_metadata("purchase")["inputs"]
    }
    assert list(inputs) == list(SESSIONS)
    assert (inputs["Month"], inputs["Weekend"], inputs["Region"]) == ("BYTES", "BOOL", "INT64")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Region": SESSIONS["Region"].to_numpy()[:-1]}, "tensors of the same length"),
        ({"Region": np.zeros(30, bool)}, "Region must be an input of type INT64, got BOOL"),
        ({"Region": np.zeros(30)}, "session 0: Region must be a whole number from 1"),
        ({"Region": np.ones((30, 2), int)}, "Region must be the shape [60]"),
    ],
)
def test_wrong_tensors_are_named(
    client: InferenceServerClient, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InferenceServerException) as refused:
        client.infer("purchase", tensors(**changes), outputs=wanted("probability"))

    assert said in refused.value.message()


def test_a_missing_tensor_and_an_unknown_output_are_named(client: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="Administrative must be an input"):
        client.infer("purchase", tensors()[1:], outputs=wanted("probability"))
    with pytest.raises(
        InferenceServerException,
        match="must be among probability, flagged, log_odds, each once, got price",
    ):
        client.infer("purchase", tensors(), outputs=wanted("price"))
    with pytest.raises(InferenceServerException, match="each once, got flagged"):
        client.infer("purchase", tensors(), outputs=wanted("flagged", "flagged"))
    with pytest.raises(InferenceServerException, match="tensors of different names"):
        client.infer("purchase", [*tensors(), tensors()[0]], outputs=wanted("flagged"))


def test_a_tensor_that_the_model_does_not_need_is_ignored(client: InferenceServerClient) -> None:
    further = InferInput("Revenue", [2], "INT64")
    further.set_data_from_numpy(np.zeros(2, np.int64), binary_data=False)

    found = client.infer("purchase", [*tensors(), further], outputs=wanted("flagged"))

    assert found.as_numpy("flagged").shape == (30,)


def test_tensors_in_bytes_and_what_is_no_request_are_refused(
    service: Served, client: InferenceServerClient
) -> None:
    binary = InferInput("Region", [30], "INT64")
    binary.set_data_from_numpy(SESSIONS["Region"].to_numpy(), binary_data=True)
    with pytest.raises(InferenceServerException, match="send the tensors as JSON"):
        client.infer("purchase", [binary], outputs=wanted("probability"))

    deep = b'{"inputs": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    for body in (b"{", b"[]", b'{"inputs": 1}', b"\xff", b'{"inputs": []}', deep):
        reply = service.send("/v2/models/purchase/infer", body)
        assert reply.status == 422
        assert set(reply.json) == {"error"}
    assert service.get("/v2/models/another").json == {
        "error": "Not Found: GET /openapi.json has all routes"
    }
