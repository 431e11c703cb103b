"""The outermost layer: limits, API keys, request ids, security headers, the last resort, counting.

One plain ASGI application around everything else. A layer for each concern would cost more than
the endpoint it guards.
"""

import re
import time
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid6 import uuid7

from api.answers import Answer
from api.limits import HEAD_BYTES_MAX, REQUEST_ID_LENGTH_MAX
from api.metrics import HttpMetrics
from api.problems import Problem, internal
from api.security import OPEN_PATHS, Gate

ACTOR: Final = "stockledger.actor"
TRACEPARENT: Final = "stockledger.traceparent"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,%d}" % REQUEST_ID_LENGTH_MAX)
# https://www.w3.org/TR/trace-context/: version 00, neither id all zeros.
_TRACEPARENT: Final = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_CLIENT_CLOSED_REQUEST: Final = 499
_SERVER_ERROR: Final = 500
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_CSP: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_UNROUTED: Final = "unmatched"

_log = structlog.get_logger("api")


class Edge:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, gate: Gate, metrics: HttpMetrics) -> None:
        """`app` is what answers those who are let in."""
        self._app = app
        self._gate = gate
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0
        head = _Head(scope)
        request_id = head.request_id

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message["headers"])
                headers += _SECURITY_HEADERS
                headers.append((b"x-request-id", request_id))
                if not any(name == _CSP[0] for name, _ in headers):
                    headers.append(_CSP)
                message["headers"] = headers
            await send(message)

        try:
            refusal = self._admit(scope, head)
            await (self._app if refusal is None else refusal)(scope, receive, send_on)
        except ClientDisconnect:
            status = status or _CLIENT_CLOSED_REQUEST
        except Exception as error:  # noqa: BLE001 - the last resort; nothing may leave the server
            _log.error(
                "request_failed",
                request_id=request_id.decode(),
                method=scope["method"],
                route=_route(scope),
                exc_info=error,
            )
            if status:
                # The answer has begun; only breaking the connection tells that it is not whole.
                raise
            await internal(request_id.decode()).answer()(scope, receive, send_on)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe(scope["method"], _route(scope), status, seconds)
            if status >= _SERVER_ERROR:
                _log.warning(
                    "request_not_served",
                    request_id=request_id.decode(),
                    method=scope["method"],
                    route=_route(scope),
                    status=status,
                    seconds=round(seconds, 6),
                )

    def _admit(self, scope: Scope, head: "_Head") -> Answer | None:
        """None if the request may go on, else what to answer."""
        if head.length > HEAD_BYTES_MAX:
            return Problem(
                "headers_too_large",
                f"query and headers together have at most {HEAD_BYTES_MAX} bytes",
                headers=((b"connection", b"close"),),
            ).answer()
        if head.request_id_malformed:
            detail = f"X-Request-Id has 1 to {REQUEST_ID_LENGTH_MAX} characters A-Z a-z 0-9 ._:/+=-"
            return Problem("invalid_request", detail).answer()
        scope[TRACEPARENT] = head.traceparent
        if scope["path"] in OPEN_PATHS:
            scope[ACTOR] = None
            return None
        try:
            scope[ACTOR] = self._gate.admit(
                scope["method"], head.authorization, head.api_key, head.host
            )
        except Problem as problem:
            return problem.answer()
        return None


class _Head:
    """The headers that matter here, found in one pass."""

    __slots__ = (
        "api_key", "authorization", "host", "length", "request_id", "request_id_malformed",
        "traceparent",
    )  # fmt: skip

    def __init__(self, scope: Scope) -> None:
        self.api_key: bytes | None = None
        self.authorization: bytes | None = None
        self.host: bytes | None = None
        self.traceparent: bytes | None = None
        given: bytes | None = None
        length = len(scope["query_string"])
        for name, value in scope["headers"]:
            length += len(name) + len(value)
            if name == b"authorization":
                self.authorization = value
            elif name == b"x-api-key":
                self.api_key = value
            elif name == b"host":
                self.host = value
            elif name == b"x-request-id":
                given = value
            elif name == b"traceparent" and _TRACEPARENT.fullmatch(value):
                self.traceparent = value
        self.length = length
        self.request_id_malformed = given is not None and _REQUEST_ID.fullmatch(given) is None
        if given is None or self.request_id_malformed:
            given = uuid7().hex.encode()
        self.request_id = given


def _route(scope: dict[str, Any] | Scope) -> str:
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else _UNROUTED
