"""A client that records what it sent and what it heard, in the format of `check-history`.

One connection, kept alive; one call at a time. Whatever goes wrong on the way is recorded as
unknown, because that is what it is. A line is written when a call has ended, so let calls end
before the file is read.
"""

import asyncio
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from pathlib import Path
from time import monotonic_ns
from types import TracebackType
from typing import Any, Self

import httpx
import msgspec

from ops.check_history.history import NO_COMMAND, Kind, Operation, Outcome
from ops.check_history.live import balances_of
from ops.reading import LOCAL

Document = dict[str, Any]
# What a problem has besides the figures of its refusal.
_MEMBERS = frozenset({"type", "title", "status", "code", "detail", "id", "position", "request_id"})
# Of these answers the caller does not know what they did.
_UNKNOWN = frozenset({408, 429, 500, 502, 503, 504})
# Refusals that only the state can bring about: so they are even without a position.
_OF_STATE = frozenset(
    {"insufficient_stock", "version_conflict", "unknown_item", "unknown_movement", "not_reversible",
     "already_reversed", "item_in_use", "quantity_overflow"}
)  # fmt: skip
RETRY_SECONDS = 0.05
_encode = msgspec.json.Encoder().encode


class Recorder:
    """Calls the servers `urls`, the first of them until it fails, and writes one line a call."""

    def __init__(
        self, client: str, urls: Sequence[str], file: Path, *, seconds_max: float = 10.0
    ) -> None:
        """`client` is its name in the history; a call ends after `seconds_max`."""
        self.client = client
        self.calls = 0
        self._urls = list(urls)
        self._file = file
        self._http = httpx.AsyncClient(
            timeout=seconds_max,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            mounts=dict.fromkeys(LOCAL, httpx.AsyncHTTPTransport()),
        )

    async def __aenter__(self) -> Self:
        """Open the file."""
        self._lines = self._file.open("ab")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close connection and file."""
        await self._http.aclose()
        self._lines.close()

    async def movement(self, command: Document, *, tries: int = 1) -> Operation:
        """Record a movement; send it again with the same id while its outcome is unknown."""
        return await self._one("movement", "POST", "/v1/movements", command, tries=tries)

    async def reversal(self, command: Document, *, tries: int = 1) -> Operation:
        """Undo the movement that `reverses` names; `id` and `sku` are those of the reversal."""
        body = {name: command[name] for name in command.keys() - {"type", "sku", "reverses"}}
        query = {"id": command["reverses"], **({"sku": command["sku"]} if command["sku"] else {})}
        path = f"/v1/movements/reversal?{httpx.QueryParams(query)}"
        asked = {"type": "reversal", **command}
        return await self._one("reversal", "POST", path, asked, body=body, tries=tries)

    async def item(self, identity: str, sku: str, item: Document, *, tries: int = 1) -> Operation:
        """Describe an item."""
        path = f"/v1/items?{httpx.QueryParams({'sku': sku, 'id': identity})}"
        asked = {"id": identity, "sku": sku, "item": item}
        return await self._one("item", "PUT", path, asked, body=item, tries=tries)

    async def dry_run(self, command: Document) -> Operation:
        """Ask what would happen."""
        return await self._one("dry_run", "POST", "/v1/movements?dry_run=true", command, tries=1)

    async def read(self, sku: str, after: Operation | None = None) -> Operation:
        """Read the stock of a SKU, as of the position of `after` at least."""
        query = {"sku": sku}
        if after is not None and after.offset is not None:
            query["min_position"] = f"{after.partition}:{after.offset}"
        sent_ns = monotonic_ns()
        answer = await self._send("GET", f"/v1/stock?{httpx.QueryParams(query)}", None)
        found = self._operation("read", sku, "", sent_ns, NO_COMMAND)
        found.min_offset = None if after is None else after.offset
        document = _document(answer)
        if answer is not None and answer.status_code == HTTPStatus.OK and document:
            ((partition, offset),) = document["as_of_position"].items()
            found.partition, found.offset = int(partition), offset
            found.balances = balances_of(document["positions"])
            found.value = document["value"]
            found.outcome = "accepted"
        elif answer is not None:
            found.outcome = "invalid"
        return self._ended(found, answer, document)

    async def bulk(self, commands: Sequence[Document], *, tries: int = 1) -> list[Operation]:
        """Record many; those without a final answer are sent again."""
        ended: list[Operation] = []
        left = list(commands)
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(RETRY_SECONDS)
            found = await self._bulk(left)
            ended += found
            left = [
                command
                for command, one in zip(left, found, strict=True)
                if one.outcome in ("unknown", "unwritten")
            ]
            if not left:
                break
        return ended

    async def _bulk(self, commands: Sequence[Document]) -> list[Operation]:
        found = []
        sent_ns = monotonic_ns()
        answer = await self._send("POST", "/v1/movements/bulk", _encode(commands))
        document = _document(answer)
        results: Iterable[Document] = [{}] * len(commands)
        if answer is not None and answer.status_code == HTTPStatus.OK and document:
            results = document["results"]
        for command, result in zip(commands, results, strict=True):
            raw = msgspec.Raw(_encode(command))
            one = self._operation("bulk_item", command["sku"], command["id"], sent_ns, raw)
            _read_result(one, result)
            found.append(self._ended(one, answer, result))
        return found

    async def _one(  # noqa: PLR0913 - a call has so many parts
        self,
        kind: Kind,
        method: str,
        path: str,
        asked: Document,
        *,
        body: Document | None = None,
        tries: int,
    ) -> Operation:
        raw = msgspec.Raw(_encode(asked))
        found = None
        for attempt in range(tries):
            if attempt:
                await asyncio.sleep(RETRY_SECONDS)
            sent_ns = monotonic_ns()
            answer = await self._send(method, path, _encode(asked if body is None else body))
            found = self._operation(kind, asked["sku"], asked["id"], sent_ns, raw)
            document = _document(answer)
            if answer is not None and document is not None:
                _read_answer(found, answer, document)
            self._ended(found, answer, document)
            if found.outcome != "unknown":
                break
        assert found is not None, "tries is at least one"
        return found

    async def _send(self, method: str, path: str, body: bytes | None) -> httpx.Response | None:
        """The answer, or None where there was none in time; then the next server is tried."""
        self.calls += 1
        headers = {} if body is None else {"content-type": "application/json"}
        url = f"{self._urls[0]}{path}"
        try:
            return await self._http.request(method, url, content=body, headers=headers)
        except httpx.HTTPError:
            self._urls.append(self._urls.pop(0))
            return None

    def _operation(
        self, kind: Kind, sku: str, identity: str, sent_ns: int, command: msgspec.Raw
    ) -> Operation:
        return Operation(
            client=self.client,
            op=kind,
            sku=sku,
            id=identity,
            sent_ns=sent_ns,
            outcome="unknown",
            command=command,
        )

    def _ended(
        self, found: Operation, answer: httpx.Response | None, document: Document | None
    ) -> Operation:
        """Write the line."""
        if answer is not None:
            found.answered_ns = monotonic_ns()
            found.status = answer.status_code
            found.code = (document or {}).get("code")
        self._lines.write(_encode(found) + b"\n")
        self._lines.flush()
        return found


def _document(answer: httpx.Response | None) -> Document | None:
    try:
        found = None if answer is None else msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        return None
    return found if isinstance(found, dict) else None


def _read_answer(found: Operation, answer: httpx.Response, document: Document) -> None:
    """The answer to a single call."""
    found.replayed = answer.headers.get("Idempotency-Replayed") == "true"
    movement = document.get("movement", {})
    _read_position(found, movement.get("position") or document.get("position"))
    if answer.is_success:
        found.outcome = "accepted"
        found.sku = movement.get("sku", found.sku)
        if found.op != "dry_run":
            found.balances = balances_of(document.get("stock", ()))
        return
    figures = {name: one for name, one in document.items() if name not in _MEMBERS}
    found.numbers = {name: one for name, one in figures.items() if isinstance(one, str)}
    found.outcome = _refused(answer.status_code, document.get("code"), found)


def _refused(status: int, code: str | None, found: Operation) -> Outcome:
    if status in _UNKNOWN:
        return "unknown"
    return "refused" if found.offset is not None or code in _OF_STATE else "invalid"


def _read_result(found: Operation, result: Document) -> None:
    """One result of a bulk."""
    _read_position(found, result.get("position"))
    match result.get("status"):
        case "accepted":
            found.outcome = "accepted"
        case "replayed":
            found.outcome, found.replayed = "accepted", True
        case "rejected" if "position" in result:
            found.outcome, found.replayed = "refused", result.get("replayed", False)
        case "rejected" if result["code"] == "unavailable":
            found.outcome = "unwritten"
        case "rejected" | "invalid":
            found.outcome = "invalid"
        case _:
            found.outcome = "unknown"


def _read_position(found: Operation, position: Document | None) -> None:
    if position is not None:
        found.partition, found.offset = position["partition"], position["offset"]
