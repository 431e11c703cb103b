"""A client of the bulk endpoint that keeps at it: the same ids until every item has an answer."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx
import msgspec

from ops.console import CommandError, ExitCode
from ops.reading import DETAIL_LENGTH_MAX, LOCAL, check_url

BULK_PATH = "/v1/movements/bulk"
REQUEST_TIMEOUT_SECONDS = 60.0
BACKOFF_SECONDS_MIN = 0.2
BACKOFF_SECONDS_MAX = 10.0
# Answers that a later attempt with the same ids may change.
_TRY_AGAIN = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
_DENIED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


class Item(msgspec.Struct, frozen=True):
    """A movement to send, and the line of the file it is from."""

    line: int
    movement: dict[str, Any]


class Position(msgspec.Struct, frozen=True):
    """Where the record lies in the log."""

    partition: int
    offset: int


class Result(msgspec.Struct, frozen=True):
    """What became of one item. `status` is accepted, replayed, rejected, invalid or unknown."""

    status: str
    id: str | None = None
    code: str | None = None
    detail: str | None = None
    position: Position | None = None

    @property
    def is_final(self) -> bool:
        """Whether sending it again would not change the answer."""
        return self.status != "unknown" and self.code != "unavailable"

    @property
    def is_good(self) -> bool:
        """Whether the movement counts."""
        return self.status in ("accepted", "replayed")


class _Answer(msgspec.Struct):
    results: list[Result]


_decoder = msgspec.json.Decoder(_Answer)


class BulkClient:
    """Sends batches to one server. `waits` is told, for people, why and how long it waits."""

    # By the name before the slash the server records which command of ours asked.
    user_agent: ClassVar[str] = "stockledger-load/1"

    def __init__(
        self,
        url: str,
        key: str | None,
        patience_seconds: float,
        waits: Callable[[str], None],
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Connects when it first sends. Gives up after so long without any progress."""
        headers = {"user-agent": self.user_agent}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        check_url(url)
        self._http = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=REQUEST_TIMEOUT_SECONDS,
            transport=transport,
            # A proxy of the environment does not know what is on this machine.
            mounts=dict.fromkeys(LOCAL),
        )
        self._url = url
        self._patience_seconds = patience_seconds
        self._waits = waits
        self._progress_at = time.monotonic()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(self, items: Sequence[Item]) -> list[Result]:
        """Send a batch until each item has a final answer; the answers are in its order."""
        results: dict[int, Result] = {}
        open_indexes = list(range(len(items)))
        attempt = 0
        while open_indexes:
            answers = await self._try([items[index] for index in open_indexes])
            if isinstance(answers, list):
                results.update(zip(open_indexes, answers, strict=True))
                remaining = [index for index in open_indexes if not results[index].is_final]
                if len(remaining) < len(open_indexes):
                    self._progress_at = time.monotonic()
                    attempt = 0
                open_indexes = remaining
                reason, wait_seconds = "some outcomes are not known yet", 0.0
            else:
                reason, wait_seconds = answers
            if open_indexes:
                await self._wait(attempt, reason, wait_seconds)
                attempt += 1
        return [results[index] for index in range(len(items))]

    async def has_movement(self, identity: str, sku: str) -> bool:
        """Whether the ledger has the movement; what cannot be asked counts as no."""
        # As a query, because an id may hold characters that no path can carry.
        try:
            answer = await self._http.get("/v1/movements", params={"id": identity, "sku": sku})
        except httpx.HTTPError:
            return False
        return answer.status_code == HTTPStatus.OK

    async def must_have(self, identity: str, sku: str) -> bool:
        """Whether the ledger has the movement. Raises CommandError where it cannot be asked."""
        answer = await self._ask("/v1/movements", {"id": identity, "sku": sku})
        if answer.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            raise self._unexpected(answer)
        return answer.status_code == HTTPStatus.OK

    async def views_have(self, positions: str) -> bool:
        """Whether the views show these positions, after waiting as long as the server waits."""
        answer = await self._ask("/v1/stock", {"limit": "1", "min_position": positions})
        return answer.status_code == HTTPStatus.OK

    async def _ask(self, path: str, query: dict[str, str]) -> httpx.Response:
        try:
            return await self._http.get(path, params=query)
        except httpx.HTTPError as error:
            detail = f"{self._url} cannot be asked: {type(error).__name__}"
            raise CommandError(detail, ExitCode.UNAVAILABLE) from None

    def _unexpected(self, answer: httpx.Response) -> CommandError:
        if answer.status_code in _DENIED:
            return CommandError(f"{self._url} refuses the API key: {_detail(answer)}")
        if answer.status_code == HTTPStatus.NOT_FOUND and urlsplit(self._url).path:
            return CommandError(
                f"{self._url} answers 404 to {BULK_PATH} behind it; expected http://host:port, "
                "or the path by which a proxy leads to the server"
            )
        detail = f"{self._url} answers {answer.status_code}: {_detail(answer)}"
        return CommandError(detail, ExitCode.UNAVAILABLE)

    async def _try(self, items: Sequence[Item]) -> list[Result] | tuple[str, float]:
        """One attempt: the results, or why to try again and after how long at least."""
        body = msgspec.json.encode([item.movement for item in items])
        try:
            answer = await self._http.post(
                BULK_PATH, content=body, headers={"content-type": "application/json"}
            )
        except httpx.TransportError as error:
            return f"{type(error).__name__} at {self._url}", 0.0
        except (httpx.HTTPError, ValueError) as error:
            raise CommandError(f"{self._url} cannot be asked: {error}") from None
        status = answer.status_code
        if status == HTTPStatus.OK:
            return self._results(answer, len(items))
        if status in _TRY_AGAIN:
            return f"the server answers {status}: {_detail(answer)}", _retry_after(answer)
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return await self._halves(items, _detail(answer))
        raise self._unexpected(answer)

    async def _halves(self, items: Sequence[Item], detail: str) -> list[Result] | tuple[str, float]:
        if len(items) == 1:
            return [Result("invalid", items[0].movement.get("id"), "too_large", detail)]
        middle = len(items) // 2
        # One after the other, because the same SKU may be in both.
        return [*await self.send(items[:middle]), *await self.send(items[middle:])]

    def _results(self, answer: httpx.Response, count: int) -> list[Result]:
        try:
            results = _decoder.decode(answer.content).results
        except msgspec.MsgspecError as error:
            raise CommandError(
                f"{self._url} is no stockledger: {error}", ExitCode.UNAVAILABLE
            ) from None
        if len(results) != count:
            raise CommandError(
                f"{self._url} gave {len(results)} results for {count} items", ExitCode.UNAVAILABLE
            )
        return results

    async def _wait(self, attempt: int, reason: str, at_least_seconds: float) -> None:
        silent_seconds = time.monotonic() - self._progress_at
        if silent_seconds > self._patience_seconds:
            raise CommandError(
                f"gave up after {silent_seconds:.0f} s without progress: {reason}; "
                "the same command goes on where it stopped",
                ExitCode.UNAVAILABLE,
            )
        grown = min(BACKOFF_SECONDS_MAX, BACKOFF_SECONDS_MIN * 2 ** min(attempt, 16))
        # Apart from each other, so that several lanes do not come back at the same moment.
        seconds = max(at_least_seconds, grown * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        self._waits(f"{reason}; again in {seconds:.1f} s")
        await asyncio.sleep(seconds)


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("retry-after", "")
    return min(float(text), BACKOFF_SECONDS_MAX) if text.isascii() and text.isdigit() else 0.0


def _detail(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        text = str(problem.get("detail") or problem.get("title") or answer.reason_phrase)
    except (ValueError, AttributeError):
        text = answer.reason_phrase
    return text[:DETAIL_LENGTH_MAX]
