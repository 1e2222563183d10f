"""The routes of the service: HTTP in, JSON out."""

from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from ecom.errors import PackageError, ServiceError
from ecom.serving.answers import Health, Model, as_json
from ecom.serving.guard import Guard, Keys, Refused, json_body
from ecom.serving.inference_protocol import PROTOCOL_TYPES, add_inference_protocol
from ecom.serving.openapi import describe, document
from ecom.serving.service import Service

# The page asks this service alone, and no other page may frame it.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {"content-security-policy": POLICY}
LONGEST_SESSION: Final = 65_536  # bytes of a body that is read while other requests wait
ASSETS: Final = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}


def make_app(service: Service, keys: Keys) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    service
        What answers.
    keys
        Who may ask.
    """
    app = FastAPI(
        title="Will a session end in a purchase?",
        version="1",
        docs_url=None,  # they would load scripts of another host
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        default_response_class=Response,
        exception_handlers={HTTPException: _refuse},
    )
    app.add_middleware(Guard, service=service, keys=keys)
    routes = _Routes(service)
    for path, method, route in (
        ("/predict", "POST", routes.predict),
        ("/predict/batch", "POST", routes.predict_batch),
        ("/explain", "POST", routes.explain),
        ("/feedback", "POST", routes.feedback),
        ("/model", "GET", routes.model),
        ("/health/live", "GET", routes.live),
        ("/health/ready", "GET", routes.ready),
        ("/metrics", "GET", routes.metrics),
        ("/admin/reload", "POST", routes.reload),
    ):
        app.add_api_route(path, route, methods=[method], **describe(route.__name__))
    add_inference_protocol(app, service)

    @cache
    def described(_: str) -> bytes:
        secured = keys.api is not None
        return msgspec.json.encode(document(app, service, PROTOCOL_TYPES, secured=secured))

    async def openapi() -> Response:
        return Response(described(service.version), media_type="application/json")

    app.add_api_route("/openapi.json", openapi, include_in_schema=False)
    for path in ASSETS:
        app.add_api_route(path, _asset(path), include_in_schema=False)
    return app


class _Routes:
    def __init__(self, service: Service) -> None:
        self._service = service

    async def predict(self, request: Request) -> Response:
        body = await json_body(request, LONGEST_SESSION)
        return as_json(self._service.predict(body, request.state.request_id))

    async def predict_batch(self, request: Request) -> Response:
        body = await json_body(request)
        return as_json(await self._service.predict_many(body, request.state.request_id))

    async def explain(self, request: Request) -> Response:
        body = await json_body(request, LONGEST_SESSION)
        return as_json(self._service.explain(body, request.state.request_id))

    async def feedback(self, request: Request) -> Response:
        store = self._service.store
        if store is None:
            raise Refused(404, "this service keeps no outcomes: start it with --store")
        body = await json_body(request, LONGEST_SESSION)
        try:
            return as_json(await self._service.hear(store, body))
        except ServiceError as error:
            raise Refused(503, f"{error}: try again", (b"retry-after", b"5")) from None

    async def model(self) -> Response:
        package = self._service.loaded.package
        manifest = package.manifest.model_dump(mode="json")
        return as_json(Model(package.version, manifest, package.examples, package.thresholds))

    async def live(self) -> Response:
        return as_json(Health("live"))

    async def ready(self) -> Response:
        if self._service.draining:
            return as_json(Health("draining"), 503)
        return as_json(Health("ready"))

    async def metrics(self) -> Response:
        return Response(self._service.monitoring.page(), media_type="text/plain; version=0.0.4")

    async def reload(self) -> Response:
        try:
            await self._service.reload()
        except PackageError as error:
            raise Refused(409, f"the package before goes on: {error}") from None
        return await self.model()


async def _refuse(_: Request, error: Exception) -> Response:
    """Pass on what the framework refuses, such as an unknown path, to the guard."""
    assert isinstance(error, HTTPException)  # noqa: S101  registered for it alone
    headers = [
        (name.lower().encode(), text.encode()) for name, text in (error.headers or {}).items()
    ]
    raise Refused(error.status_code, f"{error.detail}: GET /openapi.json has all routes", *headers)


def _asset(path: str) -> Callable[[], Awaitable[Response]]:
    name, kind = ASSETS[path]

    async def asset() -> Response:
        return Response(_content(name), media_type=kind, headers=HEADERS)

    return asset


@cache
def _content(name: str) -> bytes:
    return files("ecom.serving").joinpath(name).read_bytes()
