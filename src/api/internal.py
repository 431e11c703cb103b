"""What instances of one ledger ask of each other: not part of the API, and open to nobody else.

A plain ASGI application beside the one for callers. API keys do not open it, and what opens it
opens nothing else.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from api.answers import CLOSE, Answer
from api.edge import CLIENT_CLOSED_REQUEST, Head
from api.limits import BODY_SECONDS_MAX, HEAD_BYTES_MAX
from api.metrics import HttpMetrics
from api.problems import Problem, internal, unavailable
from api.security import is_loopback
from ledger.config import Settings
from ledger.errors import LedgerError
from ledger.ownership.address import NAME_PATH
from ledger.ownership.host import ForeignBundle, Host
from ledger.ownership.lanes import BUNDLE_PATH, QUESTION_PATH
from ledger.ownership.wire import Reply, decode_bundle, decode_question, encode
from ledger.peers import MEDIA_TYPE, NOTHING_DONE_HEADER
from ledger.service import Ledger

PREFIX: Final = "/internal/"
# A command takes less room here than in JSON, but for the id that it got and its kind.
COMMAND_BYTES_MORE: Final = 256
_MEDIA_TYPE: Final = MEDIA_TYPE.encode()
_NOTHING_DONE: Final = (NOTHING_DONE_HEADER.encode(), b"1")

_log = structlog.get_logger("api.internal")


class SecretRequired(LedgerError):
    """Instances that listen beyond loopback need a cluster secret."""


def check_secret(settings: Settings) -> None:
    """Raises SecretRequired where other machines could pass as an instance."""
    if settings.shared and settings.cluster_secret is None and not is_loopback(settings.host):
        raise SecretRequired(
            f"{settings.host} can be reached from other machines, and instances on Kafka take "
            "commands from each other there: set cluster_secret (STOCKLEDGER_CLUSTER_SECRET) to "
            "the same secret for all of them, or listen on 127.0.0.1"
        )


class Internal:
    """Answers other instances."""

    def __init__(self, settings: Settings, name: str, metrics: HttpMetrics) -> None:
        """`name` is that of this process. Raises SecretRequired."""
        check_secret(settings)
        secret = settings.cluster_secret
        self._credentials = (
            b"" if secret is None else b"Bearer " + secret.get_secret_value().encode()
        )
        self._shared = settings.shared
        self._name = name.encode()
        self._metrics = metrics
        self._body_bytes_max = (
            settings.body_bytes_max + settings.bulk_items_max * COMMAND_BYTES_MORE
        )
        # Not the budget of callers' requests: those wait for these, so that both could wait for
        # ever if they shared one.
        self._bytes_max = settings.queue_bytes_max
        self._held = 0
        self._tasks: Final[dict[str, _Task]] = {
            BUNDLE_PATH: self._bundle,
            QUESTION_PATH: self._question,
            NAME_PATH: self._tell_name,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        started = time.perf_counter()
        path = scope["path"]
        status = CLIENT_CLOSED_REQUEST
        try:
            answer = await self._answer(scope, receive)
            status = answer.status
            await answer(scope, receive, send)
        except ClientDisconnect:
            pass
        finally:
            route = path if path in self._tasks else "unmatched"
            self._metrics.observe(scope["method"], route, status, time.perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        head = Head(scope)
        try:
            task = self._admit(scope, head)
            length = _length(scope)
            self._take(length)
        except Problem as problem:
            return _refused(problem)
        try:
            body = await _read(receive, length)
            return await task(_host(scope), body)
        except Problem as problem:
            return _refused(problem)
        except ForeignBundle as error:
            return _refused(Problem("foreign_ledger", str(error)))
        except msgspec.MsgspecError as error:
            return _refused(Problem("invalid_request", f"the body is malformed: {error}"))
        except (ClientDisconnect, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the last resort
            # What was done by then nobody knows.
            _log.error("internal_request_failed", path=scope["path"], exc_info=error)
            return internal(head.request_id.decode()).answer()
        finally:
            self._held -= length

    def _admit(self, scope: Scope, head: Head) -> "_Task":
        task = self._tasks.get(scope["path"]) if self._shared else None
        if task is None:
            raise Problem("not_found", "nothing answers to this path")
        if head.length > HEAD_BYTES_MAX:
            raise Problem("headers_too_large", f"at most {HEAD_BYTES_MAX} bytes", headers=(CLOSE,))
        if not secrets.compare_digest(self._credentials, self._given(head)):
            raise Problem("unauthorized", "send the cluster secret", headers=(CLOSE,))
        if head.origin is not None:
            # Without a secret a web page on the same machine could pass as an instance.
            raise Problem("forbidden", "this is for instances, not for web pages")
        if scope["method"] != "POST":
            raise Problem("method_not_allowed", "allowed: POST", headers=((b"allow", b"POST"),))
        if _header(scope, b"content-type") != _MEDIA_TYPE:
            raise Problem("unsupported_media_type", f"send Content-Type: {MEDIA_TYPE}")
        return task

    def _given(self, head: Head) -> bytes:
        """What proves that an instance asks; nothing where nothing is asked for."""
        return (head.authorization or b"") if self._credentials else b""

    def _take(self, length: int) -> None:
        if length > self._body_bytes_max:
            raise Problem("too_large", f"at most {self._body_bytes_max} bytes", headers=(CLOSE,))
        if self._held and self._held + length > self._bytes_max:
            problem = unavailable("too many bytes wait to be written; try again")
            problem.headers = (*problem.headers, CLOSE)
            raise problem
        self._held += length

    async def _bundle(self, host: Host, body: bytes) -> Answer:
        return _packed(encode(await host.bundle(decode_bundle(body))))

    async def _question(self, host: Host, body: bytes) -> Answer:
        question = decode_question(body)
        try:
            return _packed(encode(Reply([await host.question(question)])))
        except ForeignBundle:
            raise
        except LedgerError as error:
            # Questions change nothing, so that nothing was done.
            detail = (type(error).__doc__ or "").split("\n", 1)[0]
            raise unavailable(detail) from None

    async def _tell_name(self, _host: Host, _body: bytes) -> Answer:
        return _packed(self._name)


_Task = Callable[[Host, bytes], Awaitable[Answer]]


def _host(scope: Scope) -> Host:
    ledger = scope["state"]["services"].ledger
    if not isinstance(ledger, Ledger) or not ledger.opened.is_set():
        raise unavailable("the ledger is not started")
    return ledger.host()


def _packed(body: bytes) -> Answer:
    return Answer(200, body, (), _MEDIA_TYPE)


def _refused(problem: Problem) -> Answer:
    """A problem of a request of which nothing was carried out."""
    problem.headers = (*problem.headers, _NOTHING_DONE)
    return problem.answer()


def _header(scope: Scope, name: bytes) -> bytes | None:
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


def _length(scope: Scope) -> int:
    declared = _header(scope, b"content-length")
    if declared is None or not declared.isdigit():
        raise Problem("invalid_request", "the request needs a Content-Length", headers=(CLOSE,))
    return int(declared)


async def _read(receive: Receive, length: int) -> bytes:
    """The whole body; the server holds it to the length that was declared."""
    chunks: list[bytes] = []
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            more = True
            while more:
                message = await receive()
                if message["type"] != "http.request":
                    raise ClientDisconnect
                chunks.append(message.get("body", b""))
                more = message.get("more_body", False)
    except TimeoutError:
        raise Problem("request_timeout", "the body came too slowly", headers=(CLOSE,)) from None
    body = b"".join(chunks)
    if len(body) != length:
        raise Problem("invalid_request", "the body is not as long as declared", headers=(CLOSE,))
    return body
