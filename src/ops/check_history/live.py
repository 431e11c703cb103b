"""The state that a running server shows, as reads of a history."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from http import HTTPStatus
from time import monotonic_ns
from typing import Any

import httpx

from ops.check_history.history import Balance, History, Operation
from ops.console import CommandError, ExitCode
from ops.reading import LOCAL, check_url, document_of

CLIENT = "live"
_AT_ONCE = 8
_SECONDS_MAX = 30.0


async def read_live(history: History, url: str, key: str | None) -> list[Operation]:
    """The stock of every SKU of the history, as of all that was acknowledged at least.

    Raises CommandError if the server does not answer, or is none of ours.
    """
    check_url(url)
    wanted = _wanted(history)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    transport = httpx.AsyncHTTPTransport()
    async with httpx.AsyncClient(
        base_url=url,
        headers=headers,
        timeout=_SECONDS_MAX,
        mounts=dict.fromkeys(LOCAL, transport),
        limits=httpx.Limits(max_connections=_AT_ONCE),
    ) as client:
        skus = iter(sorted(wanted.items()))
        found = await asyncio.gather(*(_read_some(client, skus) for _ in range(_AT_ONCE)))
    return [one for some in found for one in some]


def _wanted(history: History) -> dict[str, tuple[int, int]]:
    """Of each SKU the partition and the highest offset that was acknowledged."""
    highest: dict[str, tuple[int, int]] = {}
    for call in history.operations:
        if call.sku and call.partition is not None and call.offset is not None:
            highest[call.sku] = max((call.partition, call.offset), highest.get(call.sku, (0, -1)))
    return highest


async def _read_some(
    client: httpx.AsyncClient, skus: Iterable[tuple[str, tuple[int, int]]]
) -> list[Operation]:
    return [one async for one in _reads(client, skus)]


async def _reads(
    client: httpx.AsyncClient, skus: Iterable[tuple[str, tuple[int, int]]]
) -> AsyncIterator[Operation]:
    for sku, (partition, offset) in skus:
        sent_ns = monotonic_ns()
        query = {"sku": sku, "min_position": f"{partition}:{offset}"}
        try:
            answer = await client.get("/v1/stock", params=query)
        except httpx.HTTPError as error:
            raise CommandError(f"{client.base_url}: {error!r}", ExitCode.UNAVAILABLE) from error
        if answer.status_code not in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            text = f"{answer.url}: {answer.status_code} {answer.text[:200]}"
            raise CommandError(text, ExitCode.UNAVAILABLE)
        # A SKU of which only refusals are recorded was never seen, and has no stock.
        document = (
            document_of(answer, str(client.base_url)) if answer.status_code == HTTPStatus.OK else {}
        )
        yield Operation(
            client=CLIENT,
            op="read",
            sku=sku,
            sent_ns=sent_ns,
            answered_ns=monotonic_ns(),
            outcome="accepted",
            status=answer.status_code,
            partition=partition,
            offset=document.get("as_of_position", {}).get(str(partition), offset),
            min_offset=offset,
            balances=balances_of(document.get("positions", ())),
            value=document.get("value"),
        )


def balances_of(lines: Iterable[dict[str, Any]]) -> tuple[Balance, ...]:
    """The `positions` of a SKU's stock, or the `stock` of the answer to a movement."""
    return tuple(
        Balance(
            location=one["location"],
            lot=one["lot"],
            status=one["status"],
            on_hand=one["on_hand"],
            available=one["available"],
        )
        for one in lines
    )
