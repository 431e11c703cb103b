"""A ledger of one partition on a log that fails exactly where a test says."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from ledger.domain.facts import Command, Fact, Moved
from ledger.domain.stock import PartitionState
from ledger.errors import LogUnavailable, OutcomeUnknown
from ledger.events.chain import Chain
from ledger.events.codec import encode
from ledger.log import NewRecord, NewRecordTuple, Record, Slice
from ledger.service import Ledger
from ledger.writer.outcomes import Outcome
from ledger.writer.partition import PartitionWriter
from tests import builders as make
from tests.simulation.clock import now_ms, run
from tests.simulation.faulty_log import Broker, FaultyLog, FaultySnapshots

LEDGER_ID = "test"
SOURCE = f"/stockledger/{LEDGER_ID}"
Append = Callable[["ScriptedLog", int, int, list[NewRecordTuple]], Awaitable[int]]


class ScriptedLog(FaultyLog):
    """Without chance. Each step of `script` takes the place of one append."""

    def __init__(self, broker: Broker) -> None:
        """Nothing fails yet."""
        super().__init__(broker, random.Random(0))
        self.broker = broker
        self.script: list[Append] = []
        self.batches: list[int] = []
        # Reads to refuse, and then the offset from which on reads are refused.
        self.reads_refused = 0
        self.refused_at: int | None = None

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """The next step, or what a good log does."""
        self.batches.append(len(records))
        if self.script:
            return await self.script.pop(0)(self, partition, offset, list(records))
        return await super().append(partition, offset, records)

    async def read(self, partition: int, offset: int, **more: Any) -> Slice:
        """Refuse if the test says so."""
        if self.reads_refused or self.refused_at == offset:
            self.reads_refused = max(0, self.reads_refused - 1)
            await asyncio.sleep(0)
            raise LogUnavailable("a read is refused")
        return await super().read(partition, offset, **more)


async def lost_request(log: ScriptedLog, *_: Any) -> int:
    """It never arrives, and nobody says so."""
    raise OutcomeUnknown("lost on the way")


async def lost_answer(
    log: ScriptedLog, partition: int, offset: int, records: list[NewRecordTuple]
) -> int:
    """It lands, and nobody says so."""
    log.broker.land(partition, offset, records)
    raise OutcomeUnknown("the answer was lost")


async def unavailable(log: ScriptedLog, *_: Any) -> int:
    """It surely does not land."""
    raise LogUnavailable("no broker")


def late(seconds: float) -> Append:
    """It lands when nobody waits for it any more."""

    async def append(
        log: ScriptedLog, partition: int, offset: int, records: list[NewRecordTuple]
    ) -> int:
        asyncio.get_running_loop().call_later(seconds, log.broker.land, partition, offset, records)
        raise OutcomeUnknown("no answer in time")

    return append


def after(other: Callable[[], Awaitable[Any]]) -> Append:
    """Something else happens first; then it lands where the partition ends by then."""

    async def append(
        log: ScriptedLog, partition: int, offset: int, records: list[NewRecordTuple]
    ) -> int:
        await other()
        return log.broker.land(partition, offset, records)

    return append


class World:
    """The log, the snapshots, and the ledgers on them."""

    def __init__(self, partitions: int = 1) -> None:
        """Empty."""
        self.broker = Broker(partitions)
        self.store = FaultySnapshots(random.Random(0))

    def log(self) -> ScriptedLog:
        """Another client."""
        return ScriptedLog(self.broker)

    @contextlib.asynccontextmanager
    async def ledger(
        self, log: ScriptedLog | None = None, index: Any = None, **options: Any
    ) -> AsyncIterator[Ledger]:
        """A ledger that has claimed its partitions, and is closed in the end."""
        settings = {
            "instance": "one",
            "new_ledger_id": lambda: LEDGER_ID,
            "clock_ms": now_ms,
            "chance": random.Random(0),
            **options,
        }
        ledger = Ledger(log or self.log(), self.store, index, **settings)
        await ledger.start()
        try:
            yield ledger
        finally:
            await ledger.close()

    def counting(self, partition: int = 0) -> list[Record]:
        """The records that count."""
        return [record for record in self.broker.partitions[partition] if record.counts]

    def facts(self, partition: int = 0) -> list[Fact]:
        """What they say; the chain is checked on the way."""
        chain = Chain(partition)
        return [chain.accept(record) for record in self.counting(partition)]

    def ids(self) -> list[str]:
        """The ids that count, in order."""
        return [fact.id for fact in self.facts() if hasattr(fact, "id")]

    def write(self, fact: Fact) -> None:
        """A foreign writer, who knows the rules, writes a fact at the end."""
        log = self.broker.partitions[0]
        chain = Chain(0)
        for record in self.counting():
            chain.accept(record)
        key, value = encode(fact, SOURCE, chain.head)
        self.broker.land(0, len(log), [NewRecord(key, value)])


async def tell(ledger: Ledger, command: Command, seconds: float = 60.0) -> Outcome:
    """Submit one command and return what it came to."""
    _, outcome = await ledger.submit(command, actor=None, timeout_seconds=seconds)
    return outcome


async def tell_all(
    ledger: Ledger, commands: Sequence[Command], seconds: float = 60.0
) -> list[Outcome]:
    """Submit many at once."""
    answers = await ledger.submit_bulk(commands, actor=None, timeout_seconds=seconds)
    return [outcome for _, outcome in answers]


def writer_of(ledger: Ledger) -> PartitionWriter:
    """The only one."""
    return ledger.writers[0]


def picture(state: PartitionState) -> dict[str, Any]:
    """What a state says, comparable."""
    return {
        "skus": {
            name: (
                dict(sku.levels),
                sku.quantity,
                sku.value,
                sku.scale,
                sku.item,
                sku.moved,
                dict(sku.supply or {}),
            )
            for name, sku in state.skus.items()
        },
        "reversed": dict(state.reversed),
        "returned": dict(state.returned),
        "rest": (state.offset, state.recorded_ms, state.level, state.ledger_id),
    }


Main = Callable[[World, Ledger, ScriptedLog], Any]


def with_ledger(main: Main, **options: Any) -> World:
    """Run on a ledger that holds six of PLACE, and check at the end that state and log agree."""
    world = World()

    async def all_of_it() -> None:
        log = world.log()
        async with world.ledger(log, **options) as ledger:
            assert isinstance(await tell(ledger, make.receipt("6")), Moved)
            await main(world, ledger, log)
            await asyncio.sleep(30)
            log.script.clear()
            await tell(ledger, make.receipt("1", sku="last"))
            assert writer_of(ledger).failure is None
            live = picture(writer_of(ledger).state)
        async with world.ledger(instance="reader") as reader:
            replayed = picture(writer_of(reader).state)
        assert live == replayed

    run(all_of_it())
    ids = world.ids()
    assert len(set(ids)) == len(ids)
    return world
