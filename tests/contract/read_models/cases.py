"""Logs to build read models from: a log in memory, and a ledger that decides what lies in it."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide, evolve
from ledger.domain.facts import (
    FORMAT_LEVEL,
    PARTITIONER,
    Fact,
    Moved,
    Opened,
    Refused,
    Resolved,
    WriterClaimed,
)
from ledger.domain.items import DefineItem, Item
from ledger.domain.movements import MovementCommand, Receipt, Reversal
from ledger.domain.rejections import Rejected
from ledger.domain.stock import PartitionState
from ledger.domain.supply import SUPPLY_FACTS, SupplyCommand, SupplyFact
from ledger.errors import LogRegressed, LogUnavailable
from ledger.events.chain import GENESIS, link
from ledger.events.codec import encode, fingerprint
from ledger.log import READ_RECORDS_MAX, NewRecordTuple, Record, Slice

START_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
LEDGER_ID = "11111111-1111-4111-8111-111111111111"


class MemoryLog:
    """An `EventLog` in memory. A test may add any record, and cut the log off."""

    def __init__(self, partitions: int = 2) -> None:
        """Empty partitions."""
        self.records: list[list[Record]] = [[] for _ in range(partitions)]
        self.unavailable = False
        self._grown = asyncio.Event()

    @property
    def partitions(self) -> int:
        """How many partitions the log has."""
        return len(self.records)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def check(self) -> list[str]:
        """Nothing can be wrong."""
        return []

    def wake(self) -> None:
        """Let readers that wait look again."""
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def put(self, partition: int, record: Record) -> None:
        """Lay down a record as it is and wake the readers."""
        self.records[partition].append(record)
        self.wake()

    async def append(self, partition: int, offset: int, records: Sequence[NewRecordTuple]) -> int:
        """Append records that state `offset` and the offsets after it."""
        base = await self.end(partition)
        for index, (key, value, _) in enumerate(records):
            self.put(partition, Record(base + index, offset + index, key, value, START_MS))
        return base

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """Read from `offset` on."""
        if self.unavailable:
            raise LogUnavailable("the test cut the log off")
        end = await self.end(partition)
        if offset > end:
            raise LogRegressed(f"partition {partition} ends at {end}, before {offset}")
        if offset == end and wait_seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_seconds):
                    await self._grown.wait()
            end = await self.end(partition)
        found = self._from(partition, offset, records_max)
        return Slice(found, found[-1].offset + 1 if found else offset, end)

    async def end(self, partition: int) -> int:
        """The offset behind the last record."""
        if self.unavailable:
            raise LogUnavailable("the test cut the log off")
        records = self.records[partition]
        return records[-1].offset + 1 if records else 0

    def _from(self, partition: int, offset: int, records_max: int) -> list[Record]:
        records = self.records[partition]
        if not records or records[-1].offset == len(records) - 1:
            return records[offset : offset + records_max]  # no gaps
        return [one for one in records if one.offset >= offset][:records_max]


class Teller:
    """Decides commands for one partition of a `MemoryLog` and lays the facts down."""

    def __init__(self, log: MemoryLog, partition: int = 0, ledger_id: str = LEDGER_ID) -> None:
        """Opens the partition."""
        self.log = log
        self.partition = partition
        self.state = PartitionState()
        self.head = GENESIS
        self.now_ms = START_MS
        self.source = f"/stockledger/{ledger_id}"
        self.originals: dict[str, Moved] = {}
        self.facts: list[Fact] = []
        # Of everything that is told from now on.
        self.trail: bytes | None = None
        self.lay(
            Opened(
                0,
                ledger_id,
                partition,
                log.partitions,
                PARTITIONER,
                "EUR",
                FORMAT_LEVEL,
                START_MS,
            )
        )

    @property
    def end(self) -> int:
        """The offset of the next record."""
        records = self.log.records[self.partition]
        return records[-1].offset + 1 if records else 0

    def lay(self, fact: Fact) -> None:
        """Encode a fact as the next record."""
        key, value = encode(fact, self.source, self.head)
        record = Record(fact.offset, fact.offset, key, value, self.now_ms)
        self.head = link(self.partition, fact.offset, key, value)
        evolve(self.state, fact)
        if isinstance(fact, Moved):
            self.originals[fact.id] = fact
        self.facts.append(fact)
        self.log.put(self.partition, record)

    def tell(self, command: MovementCommand | Reversal, actor: str | None = None) -> Moved:
        """A movement that is not refused, one millisecond after the one before."""
        self.now_ms += 1
        asked: MovementCommand | Reversal | Resolved = command
        named = getattr(command, "reverses", getattr(command, "original_id", None))
        if named is not None:
            asked = Resolved(command, self.originals.get(named))
        context = Context(Rules(), self.now_ms, actor, trail=self.trail)
        self.state.offset = self.end
        fact = decide(self.state, asked, context)
        assert isinstance(fact, Moved), fact
        self.lay(fact)
        return fact

    def supply(self, command: SupplyCommand) -> SupplyFact:
        """Something about a supply order that is not refused."""
        self.now_ms += 1
        self.state.offset = self.end
        fact = decide(self.state, command, Context(Rules(), self.now_ms))
        assert isinstance(fact, SUPPLY_FACTS), fact
        self.lay(fact)
        return fact

    def refuse(self, command: MovementCommand) -> Refused:
        """A command that the state refuses."""
        self.now_ms += 1
        self.state.offset = self.end
        wrong = decide(self.state, command, Context(Rules(), self.now_ms))
        assert isinstance(wrong, Rejected)
        fact = Refused(
            self.end,
            command.id or "",
            command.sku,
            type(command).__name__.lower(),
            fingerprint(command),
            wrong.code,
            wrong.detail,
            wrong.numbers,
            self.now_ms,
            str(command.quantity),
        )
        self.lay(fact)
        return fact

    def define(self, sku: str, identity: str, **fields: Any) -> None:
        """Describe an item."""
        self.now_ms += 1
        self.state.offset = self.end
        command = DefineItem(identity, sku, Item(**fields))
        fact = decide(self.state, command, Context(Rules(), self.now_ms))
        assert not isinstance(fact, Rejected), fact
        self.lay(fact)

    def claim(self) -> None:
        """A record that no view shows."""
        self.lay(WriterClaimed(self.end, "writer-1", "http://127.0.0.1:1", self.now_ms))

    def void(self, value: bytes = b"not JSON") -> None:
        """A record that does not count: it states an offset that was taken already."""
        self.log.put(self.partition, Record(self.end, self.end - 1, b"k", value, self.now_ms))

    def foreign(self) -> None:
        """A record that does not count: it states nothing."""
        self.log.put(self.partition, Record(self.end, None, b"k", b"{}", self.now_ms))


def receipt(identity: str, sku: str, quantity: str = "10", **fields: Any) -> Receipt:
    """Goods from a supplier, at MAIN/A/01 unless said otherwise."""
    fields.setdefault("location", "MAIN/A/01")
    return Receipt(id=identity, sku=sku, quantity=quantity, **fields)
