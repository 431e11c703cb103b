"""How endpoints are declared and called.

An endpoint is a function from a request to an `Answer`, declared once as an `Operation`. From the
declaration come the route, the check for unknown query parameters and the OpenAPI document. The
framework's own way (a dependency graph and a model per request) costs several times as much as
deciding a movement does, and it ignores query parameters that it does not know.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from api.answers import Answer
from api.budget import give_back
from api.problems import Problem, of_fault
from api.queries import bad_cursor
from api.trails import OPERATION
from ledger.errors import LedgerError
from projections.cursors import InvalidCursor

Endpoint = Callable[[Request], Awaitable[Answer]]
Schema = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter of the path, the query or the headers, as documented."""

    name: str
    description: str
    schema: Schema = field(default_factory=lambda: {"type": "string"})
    example: Any = None
    location: str = "query"
    required: bool = False


@dataclass(frozen=True)
class Content:
    """A body or an answer as documented: its model by media type, and examples by name."""

    model: type[BaseModel] | Schema
    media_type: str = "application/json"
    examples: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """A successful answer as documented."""

    description: str
    content: Content | None = None
    headers: Sequence[str] = ()


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    endpoint: Endpoint
    operation_id: str
    tag: str
    summary: str
    replies: Mapping[int, Reply]
    description: str = ""
    parameters: Sequence[Parameter] = ()
    body: Sequence[Content] = ()
    body_required: bool = True
    # Codes of problems beside those that every operation has.
    problems: Sequence[str] = ()
    open: bool = False

    @property
    def query_names(self) -> frozenset[str]:
        """The query parameters that the operation knows."""
        return frozenset(p.name for p in self.parameters if p.location == "query")


class Resource:
    """Calls the endpoint of the method; an ASGI application."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        declared = list(operations)
        self._endpoints = {operation.method: operation.endpoint for operation in declared}
        self._names = {operation.method: operation.operation_id for operation in declared}
        if "GET" in self._endpoints:
            self._endpoints["HEAD"] = self._endpoints["GET"]
        self._allow: Final = ", ".join(sorted(self._endpoints))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as the router wants it."""
        answer = await self.respond(Request(scope, receive))
        await answer(scope, receive, send)

    async def respond(self, request: Request) -> Answer:
        """The answer of the endpoint, or the problem that it met."""
        scope = request.scope
        method = scope["method"]
        scope[OPERATION] = self._names.get(method)
        endpoint = self._endpoints.get(method, self._refuse)
        try:
            return await endpoint(request)
        except Problem as problem:
            return problem.answer()
        except InvalidCursor:
            return bad_cursor().answer()
        except LedgerError as error:
            return of_fault(error).answer()
        finally:
            give_back(scope)

    async def _refuse(self, _request: Request) -> Answer:
        allow = self._allow.encode()
        raise Problem("method_not_allowed", f"allowed: {self._allow}", headers=((b"allow", allow),))


class ResourceRoute(Route):
    """A route that leaves its template in the scope, for counting."""

    def __init__(self, path: str, resource: Resource, name: str) -> None:
        """A route of one path, which may have parameters."""
        super().__init__(path, resource, name=name)
        self.resource = resource

    def matches(self, scope: Scope) -> tuple[Any, Scope]:
        """Whether the path fits; every method does, so that a fixed word is never taken for a
        code under another method."""
        match, child_scope = super().matches(scope)
        if child_scope:
            child_scope["route"] = self
        return match, child_scope


def routes(operations: Iterable[Operation]) -> list[ResourceRoute]:
    """One route a path, in the order of the declarations, fixed words before codes."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, []).append(operation)
    ordered = sorted(by_path.items(), key=lambda item: "{" in item[0])
    return [
        ResourceRoute(path, Resource(declared), declared[0].operation_id)
        for path, declared in ordered
    ]


def fixed(declared: Iterable[ResourceRoute]) -> dict[str, ResourceRoute]:
    """The routes without parameters by their path: one look instead of a match for each route."""
    return {route.path: route for route in declared if not route.param_convertors}
