"""Reading a part of a partition, with the chain checked and nothing decoded that is not needed."""

from collections.abc import AsyncIterator
from typing import Final

import msgspec

from ledger.domain.facts import Opened
from ledger.errors import ChainBroken, LogRegressed, UndecodableRecord, WrongLedger
from ledger.events.chain import GENESIS, link
from ledger.events.decoding import Codec
from ledger.log import EventLog, Record
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
    found = await log.read(partition, 0, records_max=1)
    if not found.records:
        raise CommandError(
            f"partition {partition} of the log is empty; serve opens it", ExitCode.FOUND_WRONG
        )
    fact = Codec().decode(found.records[0])[1] if found.records[0].counts else None
    if type(fact) is not Opened or fact.partition != partition:
        raise WrongLedger(f"partition {partition} does not begin with its ledger.opened")
    return fact


async def slices(
    log: EventLog, partition: int, offset: int, end: int
) -> AsyncIterator[list[Record]]:
    """All records from `offset` to before `end`, void ones included, as they are read."""
    while offset < end:
        found = await log.read(partition, offset, wait_seconds=READ_WAIT_SECONDS)
        if found.next_offset <= offset:
            raise LogRegressed(f"partition {partition} ends at {found.end}, before offset {end}")
        if found.next_offset > end:
            yield [record for record in found.records if record.offset < end]
        else:
            yield found.records
        offset = found.next_offset


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
