"""Making a seal: the log is read from where the seal before it ends.

What a seal says of older records is taken from the one before, whose frontier is all that is left
of them. So sealing costs what was added, and proves nothing about what was not read: that is what
`verify --seal` is for.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.errors import ChainBroken, LogRegressed
from ledger.events.merkle import CompactRange
from ledger.log import EventLog
from ledger.replay.reading import ends, read_records
from ops.console import CommandError
from ops.seals.documents import (
    FORMAT,
    Seal,
    SealedPartition,
    SignedSeal,
    digest,
    instant_us,
    signed_bytes,
    to_base64,
)
from ops.seals.errors import SealRejected
from ops.seals.keys import raw_public
from ops.seals.walk import Links, ledger_of, link_of, record_at

# Called with the partition and the number of records that were read.
Progress = Callable[[int, int], None]


class Order(NamedTuple):
    """Who seals, behind which seal, and the clock: an RFC 3339 instant in UTC.

    The clock is asked when everything is read, so that nothing is sealed for a time before it was.
    """

    key: Ed25519PrivateKey
    clock: Callable[[], str]
    before: Seal | None


async def make_seal(log: EventLog, order: Order, progress: Progress) -> SignedSeal:
    """The next seal of an open log. Raises CommandError, SealRejected, and what the log raises."""
    ledger_id, before = await ledger_of(log), order.before
    _check_before(before, ledger_id, log.partitions)
    partitions = []
    for partition in range(log.partitions):
        old = None if before is None else before.partitions[partition]
        partitions.append(await _seal_partition(log, partition, old, progress))
    seal = Seal(
        ledger_id=ledger_id,
        number=1 if before is None else before.number + 1,
        previous=None if before is None else digest(before),
        sealed_at=order.clock(),
        public_key=to_base64(raw_public(order.key)),
        partitions=tuple(partitions),
    )
    if before is not None and instant_us(seal) < instant_us(before):
        raise CommandError(
            f"this machine's clock says {seal.sealed_at}; seal number {before.number} was made at "
            f"{before.sealed_at}"
        )
    return SignedSeal(FORMAT, seal, to_base64(order.key.sign(signed_bytes(seal))))


def _check_before(before: Seal | None, ledger_id: str, partitions: int) -> None:
    if before is None:
        return
    if before.ledger_id != ledger_id:
        raise SealRejected(
            f"seal number {before.number} is of ledger {before.ledger_id}, the log of {ledger_id}"
        )
    if len(before.partitions) != partitions:
        raise SealRejected(
            f"seal number {before.number} is of {len(before.partitions)} partitions, the log has "
            f"{partitions}"
        )


async def _seal_partition(
    log: EventLog, partition: int, old: SealedPartition | None, progress: Progress
) -> SealedPartition:
    end = (await ends(log, [partition]))[partition]
    if old is not None and end < old.next_offset:
        raise LogRegressed(
            f"partition {partition} ends at {end}; it was sealed up to {old.next_offset}"
        )
    links, begin = Links(partition), 0
    if old is not None:
        await _check_head(log, old)
        links = Links(partition, old.head, old.head_offset, old.records)
        begin = old.next_offset
    added = CompactRange(links.records)
    async with aclosing(read_records(log, partition, start=begin, until=end)) as slices:
        async for records in slices:
            for record in records:
                head = links.take(record)
                if head is not None:
                    added.append(bytes.fromhex(head))
            progress(partition, len(records))
    return _sealed(links, end, added, old)


async def _check_head(log: EventLog, old: SealedPartition) -> None:
    """One look: the last record of the seal before is the one that was sealed."""
    found = await record_at(log, old.partition, old.head_offset)
    if found is None or not found.counts or link_of(old.partition, found) != old.head:
        raise ChainBroken(
            f"partition {old.partition}, offset {old.head_offset}: this is not the record that was "
            "sealed; verify says what was changed"
        )


def _sealed(
    links: Links, end: int, added: CompactRange, old: SealedPartition | None
) -> SealedPartition:
    frontier = added if old is None else old.leaves().followed_by(added)
    return SealedPartition(
        partition=links.partition,
        next_offset=end,
        records=links.records,
        head=links.head,
        head_offset=links.head_offset,
        root=frontier.root().hex(),
        frontier=tuple(one.hex() for one in frontier.hashes),
        added=() if old is None else tuple(one.hex() for one in added.hashes),
    )
