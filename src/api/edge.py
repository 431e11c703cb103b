"""The outermost layer: limits, API keys, request ids, security headers, the last resort, counting.

One plain ASGI application around everything else. A layer for each concern would cost more than
the endpoint it guards.
"""

import random
import re
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Final
from urllib.parse import unquote_to_bytes

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import Answer, Header
from api.limits import HEAD_BYTES_MAX, REQUEST_ID_LENGTH_MAX
from api.metrics import HttpMetrics
from api.operations import ResourceRoute
from api.problems import Problem, internal, of_status
from api.security import OPEN_PATHS, Gate
from api.trails import CREDENTIAL, REQUEST_ID
from api.whole import lines, write
from ledger.events.trails import trace_id

ACTOR: Final = "stockledger.actor"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:/+=-]{1,%d}" % REQUEST_ID_LENGTH_MAX)
CLIENT_CLOSED_REQUEST: Final = 499
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)
_CSP: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_FIXED_LINES: Final = lines((*_SECURITY_HEADERS, _CSP))
_UNROUTED: Final = "unmatched"
# Request ids tell requests apart and guard nothing; asking the system for each is a system call.
_chance: Final = random.Random()  # noqa: S311

_log = structlog.get_logger("api")


class Edge:
    """Wraps the application."""

    def __init__(
        self,
        app: ASGIApp,
        gate: Gate,
        metrics: HttpMetrics,
        fixed: Mapping[str, ResourceRoute] | None = None,
    ) -> None:
        """`app` is what answers those who are let in; the routes of `fixed`, which are found by
        their path, answer without it."""
        self._app = app
        self._gate = gate
        self._metrics = metrics
        self._fixed = fixed or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        head = Head(scope)
        sender = Sender(send, head.request_id)
        try:
            answer = self._admit(scope, head)
            if answer is None:
                route = self._fixed.get(scope["path"])
                if route is None:
                    await self._app(scope, receive, sender)
                    return
                scope["route"] = route
                answer = await route.resource.respond(Request(scope, receive))
            await sender.answer(answer)
        except ClientDisconnect:
            sender.status = sender.status or CLIENT_CLOSED_REQUEST
        except HTTPException as error:
            await sender.answer(of_status(error.status_code).answer())
        except Exception as error:
            # The last resort: nothing of it leaves the server.
            _log.error(
                "request_failed",
                request_id=head.request_id.decode(),
                method=scope["method"],
                route=_route(scope),
                exc_info=error,
            )
            if sender.status:
                # The answer has begun; only breaking the connection tells that it is not whole.
                raise
            await sender.answer(internal(head.request_id.decode()).answer())
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe(scope["method"], _route(scope), sender.status, seconds)

    def _admit(self, scope: Scope, head: "Head") -> Answer | None:
        """None if the request may go on, else what to answer."""
        if head.length > HEAD_BYTES_MAX:
            return head_too_large().answer()
        if head.request_id_malformed:
            detail = f"X-Request-Id has 1 to {REQUEST_ID_LENGTH_MAX} characters A-Z a-z 0-9 ._:/+=-"
            return Problem("invalid_request", detail).answer()
        if not _is_text(scope.get("raw_path") or b""):
            # Otherwise it would be taken for another name.
            return Problem("invalid_request", "the path is not valid UTF-8").answer()
        scope[REQUEST_ID] = head.request_id
        if scope["path"] in OPEN_PATHS:
            scope[ACTOR] = None
            return None
        try:
            scope[ACTOR], scope[CREDENTIAL] = self._gate.admit(scope["method"], head)
        except Problem as problem:
            return problem.answer()
        return None


class Sender:
    """Sends on, with the headers that every answer has; `status` is 0 until the answer begins."""

    __slots__ = ("_request_id", "_send", "status")

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = self._begin(message["status"], message["headers"])
        await self._send(message)

    async def answer(self, answer: Answer) -> None:
        """Send a whole answer."""
        self.status = answer.status
        if write(self._send, answer, fixed_lines(self._request_id)):
            return
        body = answer.body
        given = (
            (b"content-type", answer.media_type),
            (b"content-length", b"%d" % len(body)),
            *answer.headers,
        )
        headers = self._begin(answer.status, given)
        send = self._send
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _begin(self, status: int, given: Sequence[Header]) -> list[Header]:
        """All headers of an answer that begins now."""
        self.status = status
        headers = [*given, *_SECURITY_HEADERS, (b"x-request-id", self._request_id)]
        for name, _ in given:
            if name == _CSP[0]:
                return headers
        headers.append(_CSP)
        return headers


class Head:
    """The headers that matter here, found in one pass."""

    __slots__ = (
        "api_key",
        "authorization",
        "host",
        "length",
        "origin",
        "request_id",
        "request_id_malformed",
    )

    def __init__(self, scope: Scope) -> None:
        headers = scope["headers"]
        self.length = len(scope["query_string"]) + sum(map(len, chain.from_iterable(headers)))
        # Of several of one name the last counts.
        last = dict(headers).get
        self.api_key: bytes | None = last(b"x-api-key")
        self.authorization: bytes | None = last(b"authorization")
        self.host: bytes | None = last(b"host")
        self.origin: bytes | None = last(b"origin")
        given: bytes | None = last(b"x-request-id")
        self.request_id_malformed = given is not None and _REQUEST_ID.fullmatch(given) is None
        if given is None or self.request_id_malformed:
            given = trace_id(last(b"traceparent")) or new_request_id()
        self.request_id = given


def head_too_large() -> Problem:
    """The query and the headers are longer than they may be."""
    detail = f"query and headers together have at most {HEAD_BYTES_MAX} bytes"
    return Problem("headers_too_large", detail)


def new_request_id() -> bytes:
    """For a request whose sender gave none."""
    return b"%032x" % _chance.getrandbits(128)


def fixed_lines(request_id: bytes) -> bytes:
    """The headers that every answer has, as they are sent."""
    return b"%bx-request-id: %b\r\n" % (_FIXED_LINES, request_id)


def _is_text(path: bytes) -> bool:
    """Whether a path stands for characters, as far as it is escaped."""
    if b"%" in path:
        try:
            unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            return False
    return True


def _route(scope: Scope) -> str:
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) else _UNROUTED
