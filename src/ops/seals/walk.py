"""Reading a part of a partition, with the chain checked and nothing decoded that is not needed."""

from typing import Final

import msgspec

from ledger.domain.facts import Opened
from ledger.errors import ChainBroken, LogUnavailable, UndecodableRecord, WrongLedger
from ledger.events.chain import GENESIS, link
from ledger.events.decoding import Codec
from ledger.log import EventLog, Record
from ledger.replay.reading import LogDamaged, ends, is_damage
from ops.console import CommandError, ExitCode


class _Predecessor(msgspec.Struct, gc=False):
    """The one member of an event that the chain needs."""

    prevhash: str


_decode = msgspec.json.Decoder(_Predecessor).decode
# What is there comes at once; this is for a broker that has to look for it.
READ_WAIT_SECONDS: Final = 5.0


async def ledger_of(log: EventLog) -> str:
    """The id of the ledger, as each partition begins with it.

    Raises CommandError for a log that was not opened, WrongLedger for a mixed one.
    """
    found = {(await _opened(log, partition)).ledger_id for partition in range(log.partitions)}
    if len(found) != 1:
        raise WrongLedger(f"the partitions are of several ledgers: {', '.join(sorted(found))}")
    return found.pop()


async def _opened(log: EventLog, partition: int) -> Opened:
    if (await ends(log, [partition]))[partition] == 0:
        raise CommandError(
            f"partition {partition} of the log is empty; serve opens it", ExitCode.FOUND_WRONG
        )
    record = await record_at(log, partition, 0)
    fact = Codec().decode(record)[1] if record is not None and record.counts else None
    if type(fact) is not Opened or fact.partition != partition:
        raise WrongLedger(f"partition {partition} does not begin with its ledger.opened")
    return fact


async def record_at(log: EventLog, partition: int, offset: int) -> Record | None:
    """The record that lies there, void or not, and hardly more is read. Raises LogDamaged."""
    try:
        found = await log.read(partition, offset, records_max=1, wait_seconds=READ_WAIT_SECONDS)
    except LogUnavailable as error:
        if is_damage(error):
            raise LogDamaged(f"partition {partition}, offset {offset}: {error}") from error
        raise
    first = found.records[0] if found.records else None
    return first if first is not None and first.offset == offset else None


def link_of(partition: int, record: Record) -> str:
    """The hash of a record. Raises UndecodableRecord if what lies there are no bytes, which a
    SQLite file that was altered by hand may hold."""
    try:
        return link(partition, record.offset, record.key, record.value)
    except TypeError as error:
        raise UndecodableRecord(
            f"partition {partition}: offset {record.offset}: {error}"
        ) from error


class Links:
    """Follows the chain of one partition, and tells the hash of each record that counts."""

    __slots__ = ("head", "head_offset", "partition", "records")

    def __init__(
        self, partition: int, head: str = GENESIS, head_offset: int = -1, records: int = 0
    ) -> None:
        """Behind the record with this hash at `head_offset`, the last of `records` that count."""
        self.partition = partition
        self.head = head
        self.head_offset = head_offset
        self.records = records

    def take(self, record: Record) -> str | None:
        """The hash of the record; None for a void one. Raises ChainBroken, UndecodableRecord."""
        offset = record.offset
        if record.stated != offset:
            return None
        try:
            before = _decode(record.value).prevhash
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError) as error:
            raise UndecodableRecord(
                f"partition {self.partition}: offset {offset}: {error}"
            ) from error
        if before != self.head:
            raise ChainBroken(
                f"partition {self.partition}, offset {offset}: the record states the hash "
                f"{before[:12]}… for its predecessor, which is {self.head[:12]}…"
            )
        self.head = head = link_of(self.partition, record)
        self.head_offset = offset
        self.records += 1
        return head
