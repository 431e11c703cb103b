"""Projectors in processes of their own: they share the partitions, and do without each other."""

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest

from ledger.config import Settings, open_log
from projections.database import Database
from projections.runner import Projector
from tests.chaos.recorder import Document, Recorder
from tests.contract.read_models.projecting import count, sums
from tests.integration.shell import PARTITIONS, SECONDS_MAX, Shell
from tests.waiting import eventually

# The least that lets a machine with much to do answer in time.
SESSION_SECONDS = 3
SKUS = [f"SKU-{number}" for number in range(12)]
EVERYTHING = frozenset(range(PARTITIONS))
MOVEMENTS = 40
TRIES_MAX = 200

_FOLLOWS = re.compile(r'^stockledger_projector_follows\{partition="(\d+)"\} 1\.0$', re.MULTILINE)
_LAGS = re.compile(r'^stockledger_view_lag_records\{partition="(\d+)"\} (\S+)$', re.MULTILINE)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell in an empty folder."""
    made = Shell(tmp_path)
    yield made
    made.close()


async def metrics(url: str) -> str:
    """What a server says of itself."""
    async with httpx.AsyncClient(timeout=SECONDS_MAX) as client:
        return (await client.get(f"{url}/metrics")).text


async def followed(url: str) -> frozenset[int]:
    """The partitions that a process projects."""
    return frozenset(int(one) for one in _FOLLOWS.findall(await metrics(url)))


async def shared_out(one: str, other: str) -> bool:
    """Whether each has a part and nobody has the other's."""
    first, second = await followed(one), await followed(other)
    return bool(first and second) and not first & second and first | second == EVERYTHING


async def trade(recorder: Recorder, begun: asyncio.Event) -> int:
    """Receipts and picks of all SKUs, each until it is answered; `begun` when a third is done."""
    accepted = 0
    for number in range(MOVEMENTS):
        command: Document = {
            "id": f"{recorder.client}-{number}",
            "type": "pick" if number % 3 else "receipt",
            "sku": SKUS[(number * 5 + number // 3) % len(SKUS)],
            "quantity": str(number % 3 or 4),
            "location": "MAIN/A",
        }
        heard = await recorder.movement(command, tries=TRIES_MAX)
        assert heard.outcome in ("accepted", "refused"), heard
        accepted += heard.outcome == "accepted"
        if number == MOVEMENTS // 3:
            begun.set()
    return accepted


async def read_where_it_is_not_projected(recorder: Recorder, url: str) -> None:
    """Write to a partition that the server at `url` does not project, and read it there."""
    for number in range(5 * len(SKUS)):
        sku = SKUS[number % len(SKUS)]
        command: Document = {"id": f"near-{number}", "type": "receipt", "sku": sku}
        command |= {"quantity": "1", "location": "MAIN/B"}
        done = await recorder.movement(command, tries=TRIES_MAX)
        assert done.outcome == "accepted"
        seen = await recorder.read(sku, done)
        assert seen.outcome == "accepted", seen
        assert seen.offset is not None
        assert done.offset is not None
        assert seen.offset >= done.offset
        if done.partition not in await followed(url):
            return
    raise AssertionError("all SKUs are in partitions that this server projects")


async def test_one_of_two_is_killed(
    shell: Shell, kafka_bootstrap: str, postgres_url: str, topic_prefix: str
) -> None:
    """They share the partitions; after a kill -9 the other one has them all, and loses nothing."""
    log = ("--kafka-bootstrap", kafka_bootstrap, "--topic-prefix", topic_prefix)
    views = ("--dev", "--replication", "1", "--database-url", postgres_url)
    flags = (*log, *views, "--group-session-seconds", str(SESSION_SECONDS))
    killed, first = shell.serve(0, *flags, "--data-dir", "one")

    async def all_at_first() -> bool:
        return await followed(first) == EVERYTHING

    await eventually(all_at_first)
    _, second = shell.serve(0, *flags, "--data-dir", "two")
    await eventually(lambda: shared_out(first, second))

    files = [shell.folder / f"{name}.ndjson" for name in ("a", "b")]
    begun = asyncio.Event()
    async with (
        Recorder("a", [first, second], files[0], seconds_max=SECONDS_MAX) as a,
        Recorder("b", [second], files[1], seconds_max=SECONDS_MAX) as b,
    ):
        await read_where_it_is_not_projected(b, second)
        trading = asyncio.gather(trade(a, begun), trade(b, asyncio.Event()))
        await begun.wait()
        killed.kill()

        async def all_here() -> bool:
            return await followed(second) == EVERYTHING

        await eventually(all_here)
        assert all(accepted > MOVEMENTS // 3 for accepted in await trading)

    async def no_lag() -> bool:
        lags = dict(_LAGS.findall(await metrics(second)))
        return lags == {str(one): "0.0" for one in EVERYTHING}

    await eventually(no_lag)
    code, out, err = await asyncio.to_thread(
        shell.run,
        *("check-history", *map(str, files), *log, *views, "--partitions", str(PARTITIONS)),
        *("--data-dir", "three", "--live", second),
    )
    assert code == 0, out + err


class Till:
    """Sells over the counter of one server."""

    def __init__(self, url: str) -> None:
        """Nothing sold yet."""
        self.url = url
        self.sold = 0
        self._http = httpx.AsyncClient(base_url=url, timeout=SECONDS_MAX)

    async def receive(self) -> tuple[int, int]:
        """One more piece; its position."""
        self.sold += 1
        goods = {"id": f"r{self.sold}", "type": "receipt", "sku": "A", "quantity": "1"}
        answer = await self._http.post("/v1/movements", json={**goods, "location": "MAIN/A"})
        assert answer.status_code == 201, answer.text
        partition, _, offset = answer.headers["ledger-position"].partition(":")
        return int(partition), int(offset)

    async def on_hand(self, partition: int, offset: int) -> str:
        """What the views say as of this position."""
        wanted = {"min_position": f"{partition}:{offset}"}
        answer = await self._http.get("/v1/stock/A", params=wanted)
        return str(answer.json()["on_hand"])

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()


@contextlib.asynccontextmanager
async def projecting(settings: Settings) -> AsyncIterator[Projector]:
    """A projector in this process."""
    log = open_log(settings)
    await log.open()
    database = Database(settings.views_url)
    await database.open()
    projector = Projector(log, database)
    task = asyncio.create_task(projector.run())
    try:
        yield projector
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()
        await log.close()


async def waits_for_a_lock(connection: asyncpg.Connection) -> bool:
    """Whether somebody wants to write movements and cannot."""
    query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'movements'::regclass"
    return bool(await connection.fetchval(query))


async def test_a_projector_paused_in_a_transaction(
    shell: Shell, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks hold nobody up for long; when it wakes up it changes nothing, and goes on."""
    monkeypatch.setattr("projections.stuck_postgres.LOCK_SECONDS", 0.5)
    monkeypatch.setattr("projections.stuck_postgres.STUCK_SECONDS", 1.0)
    flags = ("--data-dir", "data", "--database-url", postgres_url)
    _, url = shell.serve(0, *flags, "--roles", "api,writer")
    zombie, _ = shell.serve(0, *flags, "--roles", "projector")
    till = Till(url)
    assert await till.on_hand(*await till.receive()) == "1"

    connection = await asyncpg.connect(postgres_url.replace("+asyncpg", ""))
    async with connection.transaction():
        await connection.execute("LOCK TABLE movements IN SHARE MODE")
        position = await till.receive()
        # Position and checkpoint are written by then, and the movement is not.
        await eventually(lambda: waits_for_a_lock(connection))
        zombie.send_signal(signal.SIGSTOP)
    await connection.close()

    settings = Settings(
        data_dir=shell.folder / "data", database_url=postgres_url, partitions=PARTITIONS
    )
    async with projecting(settings) as projector:
        await projector.positions.wait_for(dict([position]), SECONDS_MAX)
        assert await till.on_hand(*position) == "2"
        assert await till.on_hand(*await till.receive()) == "3"
        zombie.send_signal(signal.SIGCONT)
        assert await till.on_hand(*await till.receive()) == "4"
    # Now there is only the one that was paused.
    assert await till.on_hand(*await till.receive()) == "5"
    assert zombie.poll() is None
    await till.close()

    database = Database(postgres_url)
    await database.open()
    assert await count(database) == till.sold == 5
    assert await sums(database) == {"A": 0}
    await database.close()
