"""What requests hold in memory is bounded by bytes, however few commands they are."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.dependencies import Services
from ledger.adapters.sqlite import SqliteLog
from tests.unit.api.serving import check_problem, client_of, receipt, settings_in, wait_ready
from tests.waiting import eventually

LIMIT = 4_096


def padded(length: int) -> bytes:
    """A good movement in at least so many bytes."""
    return json.dumps(receipt()).encode().ljust(length)


async def post(client: httpx.AsyncClient, path: str, content: Any) -> httpx.Response:
    """Send a body as it is."""
    headers = {"content-type": "application/json"}
    return await client.post(f"/v1/movements{path}", content=content, headers=headers)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Services]:
    """The parts of each service that a test starts."""
    made: list[Services] = []
    prepare = Services.__post_init__

    def noted(self: Services) -> None:
        prepare(self)
        made.append(self)

    monkeypatch.setattr(Services, "__post_init__", noted)
    return made


async def test_a_body_too_many_is_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: list[Services]
) -> None:
    """While others wait for the log; afterwards everything is taken again."""
    waits = asyncio.Event()
    append = SqliteLog.append

    async def held_up(self: SqliteLog, *arguments: Any) -> int:
        await waits.wait()
        return await append(self, *arguments)

    settings = settings_in(tmp_path, body_bytes_max=LIMIT, queue_bytes_max=LIMIT)
    async with client_of(settings) as client:
        await wait_ready(client)
        budget = found[0].budget
        monkeypatch.setattr(SqliteLog, "append", held_up)
        waiting = [asyncio.create_task(post(client, "", padded(1_200))) for _ in range(3)]
        await eventually(lambda: budget.held >= 3_600)
        answer = await post(client, "/bulk", b"[" + padded(1_200) + b"]")
        check_problem(answer, 503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        # Reads need no room, and a small one still fits.
        assert (await client.get("/livez")).status_code == 200
        small = asyncio.create_task(client.post("/v1/movements", json=receipt()))
        waits.set()
        done: list[httpx.Response] = await asyncio.gather(*waiting, small)
        assert [one.status_code for one in done] == [201] * 4
        assert budget.held == 0
        for bad in (b"{", b'{"type":"none"}'):
            assert (await post(client, "", bad)).status_code == 422
        assert budget.held == 0


async def test_a_body_that_arrives_in_parts_counts_part_by_part(
    tmp_path: Path, found: list[Services]
) -> None:
    """Also what never becomes a whole one is given back."""
    settings = settings_in(tmp_path, body_bytes_max=LIMIT, queue_bytes_max=LIMIT)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def parts() -> Any:
        yield b"[" + b" " * 3_000
        yield b" "
        begun.set()
        await go_on.wait()
        yield b"]"

    async with client_of(settings) as client:
        await wait_ready(client)
        budget = found[0].budget
        sending = asyncio.create_task(post(client, "/bulk", parts()))
        await begun.wait()
        await eventually(lambda: budget.held >= 3_001)
        check_problem(await post(client, "", padded(1_500)), 503, "unavailable")
        go_on.set()
        assert (await sending).status_code in (200, 422)
        assert budget.held == 0
