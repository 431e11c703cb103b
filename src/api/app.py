"""The application: everything that is not the ledger itself, put together."""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from api.edge import Edge
from api.internal import PREFIX, Internal
from api.lifespan import make_lifespan
from api.metrics import HttpMetrics
from api.openapi import build
from api.operations import fixed, routes
from api.problems import Problem
from api.process import Process
from api.routes import documentation, health
from api.routes.catalog import OPERATIONS
from api.security import Gate
from api.telemetry import traced
from ledger.config import Settings


class Application(FastAPI):
    """FastAPI with one layer around its router.

    The layers it would put there (error pages, exception handlers, exit stacks for dependencies,
    a body limit) serve what no endpoint here uses, and together cost more than an endpoint.
    """

    def __init__(self, settings: Settings) -> None:
        """Raises KeysRequired, KeysFileDamaged and SecretRequired."""
        self._gate = Gate(settings)
        self._metrics = HttpMetrics()
        self._process = Process(settings)
        self._internal = Internal(settings, self._process.name, self._metrics)
        super().__init__(
            title="stockledger",
            openapi_url=None,
            docs_url=None,
            redoc_url=None,
            redirect_slashes=False,
            lifespan=make_lifespan(settings, self._metrics, self._process),
        )
        serves_api = "api" in settings.roles
        operations = (*OPERATIONS, *documentation.OPERATIONS) if serves_api else health.OPERATIONS
        declared = routes(operations)
        self._fixed = fixed(declared)
        self.router.routes.extend(declared)
        self.router.default = _not_found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request, without asking for each one whether somebody wants traces of it."""
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
            return
        if scope["path"].startswith(PREFIX):
            await self._internal(scope, receive, send)
            return
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)

    async def hand_over(self) -> None:
        """Before the end: let other instances take over, and answer requests meanwhile."""
        await self._process.hand_over()

    def build_middleware_stack(self) -> ASGIApp:
        """The one layer, and one for traces where they are wanted."""
        edge = Edge(self.router, self._gate, self._metrics, self._fixed)
        return traced(edge, self.routes)

    def openapi(self) -> dict[str, object]:
        """The API's description: made when somebody asks for it, since it takes 0.1 s."""
        if self.openapi_schema is None:
            self.openapi_schema = build(OPERATIONS)
        return self.openapi_schema


def create_app(settings: Settings) -> Application:
    """An ASGI application that opens its parts when it starts and drains them when it ends.

    Raises KeysRequired where others could reach it and there is no API key, SecretRequired where
    they could pass as instances of the ledger, and KeysFileDamaged.
    """
    return Application(settings)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """What the router does with a path that nothing answers to."""
    detail = "nothing answers to this path; a code with a slash goes into the query"
    await Problem("not_found", detail).answer()(scope, receive, send)
