"""The OpenAPI document: written along the package that answers, with its golden sessions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ecom.serving.answers import (
    Explanation,
    Health,
    Heard,
    Model,
    Prediction,
    Predictions,
    Refusal,
)
from ecom.serving.feedback import Feedback
from ecom.serving.service import Service
from ecom.serving.sessions import SESSIONS

_REFUSALS: Final = {
    401: "The key is missing or wrong",
    403: "No key to replace the package is set",
    404: "The service keeps no outcomes",
    408: "The request did not come in time",
    409: "The new package did not pass its self-test; the one before goes on",
    413: "The body is too long",
    415: "The body is not JSON as it is",
    422: "Bad input: field, rule and value of each problem",
    500: "A fault of the service",
    503: "Too much is going on, or the service is shutting down: try again",
}
_ALWAYS: Final = (413, 500, 503)
_BODY: Final = (408, 413, 415, 422)
# By operation: the schemas of its answer and its body, what it does, what it may refuse.
_OPERATIONS: Final[Mapping[str, tuple[str, str | None, str, Sequence[int]]]] = {
    "predict": ("Prediction", "Session", "Answer one session", (401, *_BODY)),
    "predict_batch": ("Predictions", "Sessions", "Answer many sessions", (401, *_BODY)),
    "explain": ("Explanation", "Session", "Answer one session, with reasons", (401, *_BODY)),
    "feedback": ("Heard", "Feedback", "Say what became of a session", (401, 404, *_BODY)),
    "model": ("Model", None, "What answers, and how good it is", (401,)),
    "live": ("Health", None, "Whether the process runs", ()),
    "ready": ("Health", None, "Whether it takes requests", ()),
    "metrics": ("", None, "Counts, for Prometheus", (401,)),
    "reload": ("Model", None, "Answer with what the package's folder holds now", (401, 403, 409)),
}


def describe(operation: str) -> dict[str, Any]:
    """Return what FastAPI is told of a route."""
    answer, body, does, refusals = _OPERATIONS[operation]
    extra: dict[str, Any] = {
        "responses": {
            "200": {"description": does, "content": _content(answer)},
            **refusals_of(*refusals, *_ALWAYS),
        }
    }
    if operation == "ready":
        extra["responses"]["503"]["content"] = _content("Health")
    if body:
        extra["requestBody"] = {"required": True, "content": _content(body)}
    return {"operation_id": operation, "summary": does, "openapi_extra": extra}


def refusals_of(*statuses: int, schema: str = "Refusal") -> dict[str, Any]:
    """Return the documentation of answers that refuse a request."""
    return {
        str(status): {"description": _REFUSALS[status], "content": _content(schema)}
        for status in sorted(set(statuses))
    }


def document(
    app: FastAPI, service: Service, types: Sequence[type], *, secured: bool
) -> dict[str, Any]:
    """Return the document.

    Parameters
    ----------
    app
        With its routes.
    service
        Whose package names the columns, and has the examples.
    types
        Types that routes name besides those of this module.
    secured
        Whether requests need a key.
    """
    package, reader = service.loaded
    found = get_openapi(
        title=app.title,
        version=app.version,
        summary=package.manifest.description,
        routes=app.routes,
    )
    named = [
        *types,
        *(Prediction, Predictions, Explanation, Feedback, Heard, Model, Refusal, Health),
        *(reader.session, reader.batch),
    ]
    _, schemas = msgspec.json.schema_components(named, ref_template="#/components/schemas/{name}")
    sessions = schemas["Sessions"]["properties"][SESSIONS]
    sessions["maxItems"] = service.limits.sessions
    # A request with a bad row is a good request: the row is answered with what is wrong with it.
    sessions["items"] = {"anyOf": [sessions["items"], {}]}
    found.setdefault("components", {})["schemas"] = schemas
    examples = {where: {"value": session} for where, session in package.examples.items()}
    paths = found["paths"]
    for path in ("/predict", "/explain"):
        _json(paths[path]["post"]["requestBody"])["examples"] = examples
    _json(paths["/predict/batch"]["post"]["requestBody"])["example"] = {
        "sessions": [example["value"] for example in examples.values()]
    }
    keys = {"admin": "ECOM_ADMIN_KEY", **({"api": "ECOM_API_KEY"} if secured else {})}
    found["components"]["securitySchemes"] = {
        name: {"type": "http", "scheme": "bearer", "description": f"{variable} of the service"}
        for name, variable in keys.items()
    }
    for path, operations in paths.items():
        for operation in operations.values():
            if path.startswith("/admin/"):
                operation["security"] = [{"admin": []}]
            elif secured and "401" in operation["responses"]:
                operation["security"] = [{"api": []}]
    return found


def _content(schema: str) -> dict[str, Any]:
    if not schema:
        return {"text/plain": {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}


def _json(body: dict[str, Any]) -> dict[str, Any]:
    content: dict[str, Any] = body["content"]["application/json"]
    return content
