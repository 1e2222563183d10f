"""The Open Inference Protocol, version 2, over HTTP, so that its clients can ask this service.

Source: https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
A column is an input tensor of shape [n] or [n, 1]. Tensors are JSON; the extension for binary ones
is refused.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response

from ecom.serving.answers import ProtocolError, as_json
from ecom.serving.guard import Refused, json_body
from ecom.serving.manifest import PackagedColumn
from ecom.serving.openapi import refusals_of
from ecom.serving.service import Service
from ecom.serving.sessions import LONGEST_TEXT, UNREADABLE, BadInput, Batch, Problem, Reader

NAME: Final = "purchase"  # of the model
VERSION: Final = "1"  # of what it takes and gives; the package's is in the answers' parameters
INTEGERS: Final = tuple(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
DATATYPES: Final[Mapping[str, tuple[str, ...]]] = {  # the first is the one that is named
    "integer": (*reversed(INTEGERS[:4]), *INTEGERS[4:], "FP64", "FP32"),
    "number": ("FP64", "FP32", *INTEGERS),
    "category": ("BYTES",),
    "boolean": ("BOOL",),
}
OUTPUTS: Final = {"probability": "FP64", "flagged": "BOOL", "log_odds": "FP64"}
BINARY: Final = "inference-header-content-length"


class Tensor(msgspec.Struct):
    """An input: the values of a column."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class WantedOutput(msgspec.Struct):
    """An output that is asked for."""

    name: str


class InferenceRequest(msgspec.Struct):
    """Columns of sessions, as tensors."""

    inputs: list[Tensor]
    id: str | None = None
    outputs: list[WantedOutput] | None = None


PROTOCOL_TYPES: Final = (InferenceRequest, ProtocolError)


def add_inference_protocol(app: FastAPI, service: Service) -> None:
    """Add the routes of the protocol."""
    routes = _Routes(service)
    model = f"/v2/models/{NAME}"
    _add(app, "/v2", routes.server, "the server", 401)
    _add(app, "/v2/health/live", routes.live, "whether the process runs")
    _add(app, "/v2/health/ready", routes.ready, "whether it takes requests")
    for path in (model, f"{model}/versions/{VERSION}"):
        _add(app, path, routes.metadata, "inputs and outputs", 401)
        _add(app, f"{path}/ready", routes.ready, "whether the model answers", 401)
        _add(app, f"{path}/infer", routes.infer, "answer sessions", 401, 408, 413, 415, 422)


class _Routes:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def server(self) -> Response:
        return as_json({"name": "ecom", "version": "1", "extensions": []})

    async def live(self) -> Response:
        return as_json({"live": True})

    async def ready(self) -> Response:
        if self._service.draining:
            raise Refused(503, "the service is shutting down")
        return as_json({"ready": True})

    async def metadata(self) -> Response:
        columns = self._service.loaded.reader.columns
        inputs = {column.name: DATATYPES[column.type][0] for column in columns}
        return as_json(
            {
                "name": NAME,
                "versions": [VERSION],
                "platform": "onnx_onnxv1",
                "inputs": _described(inputs),
                "outputs": _described(OUTPUTS),
            }
        )

    async def infer(self, request: Request) -> Response:
        if BINARY in request.headers:
            raise Refused(415, "send the tensors as JSON (binary_data=False)")
        body = await json_body(request)
        asked = InferenceRequest([])

        def read(reader: Reader) -> Batch:
            nonlocal asked
            asked = _decoded(body)
            _require_known(asked)
            return _read(reader, asked.inputs, self._service.limits.sessions)

        (package, _), batch, answers = await self._service.answer_batch(
            read, request.state.request_id
        )
        found = answers._asdict()
        return as_json(
            {
                "model_name": NAME,
                "model_version": VERSION,
                "id": asked.id or request.state.request_id,
                "parameters": {"package": package.version},
                "outputs": [
                    {
                        "name": name,
                        "datatype": OUTPUTS[name],
                        "shape": [batch.size],
                        "data": found[name].tolist(),
                    }
                    for name in [output.name for output in asked.outputs or ()] or OUTPUTS
                ],
            }
        )


def _add(app: FastAPI, path: str, route: Any, about: str, *refusals: int) -> None:
    post = path.endswith("/infer")
    answer = {"description": about, "content": _content({"type": "object"})}
    refused = refusals_of(*refusals, 413, 500, 503, schema=ProtocolError.__name__)
    extra: dict[str, Any] = {"responses": {"200": answer, **refused}}
    if post:
        schema = {"$ref": f"#/components/schemas/{InferenceRequest.__name__}"}
        extra["requestBody"] = {"required": True, "content": _content(schema)}
    app.add_api_route(
        path,
        route,
        methods=["POST" if post else "GET"],
        summary=f"Open Inference Protocol: {about}",
        openapi_extra=extra,
    )


def _content(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _described(tensors: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": datatype, "shape": [-1]} for name, datatype in tensors.items()
    ]


def _require_known(asked: InferenceRequest) -> None:
    """Refuse outputs that there are not, and an output that is asked for twice.

    Raises
    ------
    BadInput
        With the first such output.
    """
    rule = f"among {', '.join(OUTPUTS)}, each once"
    seen: set[str] = set()
    for output in asked.outputs or ():
        if output.name not in OUTPUTS or output.name in seen:
            raise BadInput([Problem(rule, output.name[:LONGEST_TEXT], "outputs")])
        seen.add(output.name)


def _decoded(body: bytes) -> InferenceRequest:
    try:
        return msgspec.json.decode(body, type=InferenceRequest)
    except UNREADABLE as error:
        rule = f"an inference request ({error})"
        shown = body[:LONGEST_TEXT].decode(errors="replace")
        raise BadInput([Problem(rule, shown)]) from None


def _read(reader: Reader, tensors: list[Tensor], limit: int) -> Batch:
    """Read sessions from tensors, all of them or none.

    Raises
    ------
    BadInput
        A tensor is missing, or of another shape or type; a value is not what its column takes.
    """
    given = {tensor.name: tensor for tensor in tensors}
    if len(given) < len(tensors):
        raise BadInput([Problem("tensors of different names", "a name twice", "inputs")])
    problems = [
        problem for column in reader.columns if (problem := _fault(column, given.get(column.name)))
    ]
    if problems:
        raise BadInput(problems)
    names = [column.name for column in reader.columns]
    sizes = sorted({len(given[name].data) for name in names})
    if len(sizes) > 1:
        raise BadInput([Problem("tensors of the same length", str(sizes)[:100], "inputs")])
    if sizes[0] > limit:
        raise BadInput([Problem(f"at most {limit:,} sessions", f"{sizes[0]:,}", "inputs")])
    rows = zip(*(_values(given[name]) for name in names), strict=True)
    batch = reader.checked([dict(zip(names, row, strict=True)) for row in rows])
    if batch.problems:
        raise BadInput(batch.problems)
    return batch


def _values(tensor: Tensor) -> list[Any]:
    """Return the values of a tensor of shape [n] or [n, 1], which may be nested."""
    return [
        value[0] if isinstance(value, list) and len(value) == 1 else value for value in tensor.data
    ]


def _fault(column: PackagedColumn, tensor: Tensor | None) -> Problem | None:
    kinds = DATATYPES[column.type]
    if tensor is None:
        return Problem(f"an input of type {kinds[0]}", "absent", column.name)
    if tensor.datatype not in kinds:
        return Problem(f"an input of type {kinds[0]}", tensor.datatype[:100], column.name)
    length = len(tensor.data)
    if tensor.shape not in ([length], [length, 1]):
        rule = f"the shape [{length}] of its data"
        return Problem(rule, str(tensor.shape)[:100], column.name)
    return None
