"""A log and the history of its callers, made by the real writer, to be spoilt by tests."""

import functools
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from ledger.domain.facts import Command, Moved, Refused
from ledger.domain.items import DefineItem, Item
from ledger.domain.movements import WireCommand
from ledger.domain.rejections import Rejected
from ledger.domain.supply import (
    ChangeSupplyOrder,
    CloseSupplyOrder,
    PlaceSupplyOrder,
    SupplyCommand,
)
from ledger.events.chain import GENESIS, link
from ledger.events.documents import stock_document
from ledger.log import READ_RECORDS_MAX, Record, Slice
from ledger.service import Ledger
from ledger.writer.outcomes import ANSWERED, Outcome, Replayed, Unavailable
from ops.check_history.check import Result, Stored, Terms, check_log
from ops.check_history.history import History, Operation
from ops.check_history.live import balances_of
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import World

Document = dict[str, Any]
_decode = msgspec.json.Decoder(WireCommand).decode
encode = msgspec.json.Encoder().encode

AT = {"location": "MAIN/A"}
# Every type of movement, and every reason for which the state refuses one.
COMMANDS: tuple[Document, ...] = (
    {"id": "i1", "sku": "apple", "item": {"name": "Apple", "unit_cost": "2"}},
    {"id": "m1", "sku": "apple", "type": "receipt", "quantity": "10", "unit_cost": "2.0", **AT},
    {"id": "m2", "sku": "apple", "type": "transfer", "quantity": 4, "from_location": "MAIN/A",
     "to_location": "MAIN/B"},
    {"id": "m3", "sku": "apple", "type": "pick", "quantity": "2", "location": "MAIN/B",
     "to_location": "OUT"},
    {"id": "m4", "sku": "apple", "type": "issue", "quantity": "2", "location": "OUT",
     "occurred_at": "2026-09-21T12:00:00+02:00"},
    {"id": "m5", "sku": "apple", "type": "customer_return", "quantity": "1", **AT,
     "disposition": "quarantine", "original_id": "m4"},
    {"id": "m6", "sku": "apple", "type": "supplier_return", "quantity": "1", **AT,
     "status": "quarantined"},
    {"id": "m7", "sku": "apple", "type": "adjustment", "quantity": "-1", "reason": "lost", **AT},
    {"id": "m8", "sku": "apple", "type": "status_change", "quantity": "1", **AT,
     "from_status": "available", "to_status": "damaged"},
    {"id": "m9", "sku": "apple", "type": "scrap", "quantity": "1", **AT, "status": "damaged",
     "reason": "damaged"},
    {"id": "m10", "sku": "apple", "type": "reversal", "reverses": "m7"},
    {"id": "m11", "sku": "apple", "type": "receipt", "quantity": "1", **AT, "lot": "L/1",
     "expected_on_hand": "0"},
    {"id": "r1", "sku": "apple", "type": "pick", "quantity": "50", **AT},
    {"id": "r2", "sku": "apple", "type": "receipt", "quantity": "1", **AT,
     "expected_on_hand": "99"},
    {"id": "r3", "sku": "apple", "type": "reversal", "reverses": "nobody"},
    {"id": "r4", "sku": "apple", "type": "reversal", "reverses": "m10"},
    {"id": "r5", "sku": "apple", "type": "reversal", "reverses": "m7"},
    {"id": "r6", "sku": "apple", "type": "pick", "quantity": "0.5", **AT},
    {"id": "r7", "sku": "apple", "type": "customer_return", "quantity": "9", **AT,
     "original_id": "m4"},
    {"id": "r8", "sku": "apple", "item": {"scale": 3}},
    {"id": "r9", "sku": "apple", "type": "receipt", "quantity": str(10**18), **AT},
    {"id": "r11", "sku": "apple", "type": "receipt", "quantity": "2", **AT,
     "unit_cost": "1000000000000"},
    {"id": "i2", "sku": "pear", "item": {"lot_tracked": True, "scale": 2}},
    {"id": "r10", "sku": "pear", "type": "receipt", "quantity": "1.25", **AT},
    {"id": "m12", "sku": "pear", "type": "receipt", "quantity": "1.25", **AT, "lot": "L2"},
    {"id": "m13", "sku": "pear", "type": "pick", "quantity": "1.250", **AT, "lot": "L2"},
    {"id": "m1", "sku": "apple", "type": "receipt", "quantity": "10.0", "unit_cost": "2", **AT},
    {"id": "r1", "sku": "apple", "type": "pick", "quantity": 50, **AT},
    {"id": "m1", "sku": "apple", "type": "receipt", "quantity": "11", **AT},
    {"id": "bad", "sku": "apple", "type": "receipt", "quantity": "-1", **AT},
)  # fmt: skip


def command_of(asked: Document) -> Command:
    """The command of a document."""
    if "item" in asked:
        return DefineItem(asked["id"], asked["sku"], msgspec.convert(asked["item"], Item))
    if "type" not in asked:
        supply = "supplier" if "supplier" in asked else "reason" if "reason" in asked else ""
        return msgspec.convert(asked, _SUPPLY[supply])
    command: Command = _decode(encode(asked))
    return command


# What tells commands about supply orders apart.
_SUPPLY: dict[str, type[SupplyCommand]] = {
    "supplier": PlaceSupplyOrder,
    "reason": CloseSupplyOrder,
    "": ChangeSupplyOrder,
}


class Caller:
    """Sends documents to a ledger and records what it hears."""

    def __init__(self, clock: Callable[[], int] | None = None) -> None:
        """`clock` gives nanoseconds; without one every moment is a new one."""
        self.operations: list[Operation] = []
        self._clock = clock or itertools.count(1_000).__next__

    async def tell(self, ledger: Ledger, asked: Document, seconds: float = 60.0) -> Operation:
        """Send one."""
        kind: Any = "item" if "item" in asked else "movement"
        told = Operation(
            client="caller",
            op=kind,
            sku=asked["sku"],
            id=asked["id"],
            sent_ns=self._clock(),
            outcome="unknown",
            command=msgspec.Raw(encode(asked)),
        )
        self.operations.append(told)
        partition, outcome = await ledger.submit(
            command_of(asked), actor=None, timeout_seconds=seconds
        )
        told.answered_ns = self._clock()
        hear(told, partition, outcome)
        return told


def hear(told: Operation, partition: int, outcome: Outcome) -> None:
    """Write down what an answer says."""
    fact: Any = outcome
    if isinstance(outcome, Replayed):
        fact, told.replayed = outcome.fact, True
    if isinstance(fact, ANSWERED):
        told.partition, told.offset = partition, fact.offset
        told.outcome = "refused" if isinstance(fact, Refused) else "accepted"
    if isinstance(fact, Moved):
        told.balances = balances_of(stock_document(fact))
    elif isinstance(fact, Refused):
        told.code, told.numbers = fact.code, fact.numbers
    elif isinstance(fact, Rejected):
        told.outcome, told.code = "invalid", fact.code
    elif isinstance(fact, Unavailable):
        told.outcome = "unwritten"


class StoredLog:
    """Records in memory, for whoever only reads."""

    def __init__(self, partitions: list[list[Record]]) -> None:
        """As they lie."""
        self._partitions = partitions

    @property
    def partitions(self) -> int:
        """How many there are."""
        return len(self._partitions)

    async def open(self) -> None:
        """Nothing to do."""

    async def close(self) -> None:
        """Nothing to do."""

    async def check(self) -> list[str]:
        """Nothing is wrong."""
        return []

    async def append(self, *_: Any) -> int:
        """Nobody writes here."""
        raise AssertionError("the checker only reads")

    async def read(
        self,
        partition: int,
        offset: int,
        *,
        records_max: int = READ_RECORDS_MAX,
        wait_seconds: float = 0.0,
    ) -> Slice:
        """A few records."""
        del wait_seconds
        records = [one for one in self._partitions[partition] if one.offset >= offset]
        end = await self.end(partition)
        some = records[: min(records_max, 7)]
        return Slice(some, some[-1].offset + 1 if some else end, end)

    async def end(self, partition: int) -> int:
        """Behind the last record."""
        records = self._partitions[partition]
        return records[-1].offset + 1 if records else 0


@dataclass
class Story:
    """The events of one partition as documents, and the calls that made them."""

    events: list[Document]
    calls: list[Operation]
    # What is done to the records once they are chained.
    spoil: Callable[[list[Record]], object] | None = None
    stored: Stored = field(default_factory=Stored)
    terms: Terms = field(default_factory=Terms)
    partition: int = 0

    def call(self, identity: str, number: int = 0) -> Operation:
        """A call of that id."""
        return [one for one in self.calls if one.id == identity][number]

    def event(self, identity: str) -> Document:
        """The event of that id."""
        return next(one for one in self.events if one["id"] == identity)

    def asked(self, identity: str, **changes: Any) -> None:
        """Let every call of the id have sent something else."""
        for call in self.calls:
            if call.id == identity:
                call.command = msgspec.Raw(encode({**(call.asked or {}), **changes}))

    def append(self, like: str, identity: str, **data: Any) -> Document:
        """One more event like that one, which a caller never heard of."""
        event = msgspec.json.decode(encode(self.event(like)))
        event["id"] = identity
        event["data"].update(data)
        self.events.append(event)
        self.calls.append(
            Operation(
                client="caller", op="movement", sku=event["subject"], id=identity, sent_ns=9_000,
                outcome="unknown", command=msgspec.Raw(encode(event["data"]["command"])),
            )
        )  # fmt: skip
        return cast("Document", event)

    def records(self) -> list[Record]:
        """The events, each with the hash of the one before it."""
        head, records = GENESIS, []
        for offset, event in enumerate(self.events):
            event["prevhash"] = head
            key, value = event["subject"].encode(), encode(event)
            head = link(self.partition, offset, key, value)
            records.append(Record(offset, offset, key, value, 0))
        if self.spoil is not None:
            self.spoil(records)
        return records

    def check(self) -> Result:
        """What the checker says."""
        log = StoredLog([self.records()])
        return run(check_log(log, History(self.calls), self.stored, self.terms))


@functools.cache
def _made(commands: bytes) -> tuple[bytes, bytes]:
    async def make() -> tuple[list[Record], list[Operation]]:
        world, caller = World(), Caller()
        async with world.ledger() as ledger:
            for asked in msgspec.json.decode(commands):
                await caller.tell(ledger, asked)
        return world.broker.partitions[0], caller.operations

    records, calls = run(make())
    return encode([msgspec.Raw(one.value) for one in records]), encode(calls)


def story(partition: int = 0, commands: Sequence[Document] = COMMANDS) -> Story:
    """A good one, which the test may spoil."""
    events, calls = _made(encode(commands))
    return Story(
        msgspec.json.decode(events),
        msgspec.json.decode(calls, type=list[Operation]),
        partition=partition,
    )
