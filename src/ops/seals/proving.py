"""Finding the proof of one record, by reading the log from the seal before it to the one behind."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from ledger.domain.codes import check_sku
from ledger.errors import ChainBroken, LogRegressed
from ledger.events.merkle import CompactRange, PathFinder
from ledger.events.partitioner import Partitioner
from ledger.log import EventLog, Record
from ledger.replay.reading import ends, read_records
from ops.console import CommandError, ExitCode
from ops.seals.documents import SealedPartition, SignedSeal
from ops.seals.proofs import PROOF_FORMAT, Proof, ProvedRecord
from ops.seals.walk import Links


class Position(NamedTuple):
    """A place in the log."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class _Named(msgspec.Struct, gc=False):
    id: str


_decode_named = msgspec.json.Decoder(_Named).decode


async def find_id(log: EventLog, identity: str, sku: str | None = None) -> Position:
    """Where the record of that id counts; with a SKU only its partition is read for it.

    Raises CommandError if there is none, none of that SKU, or more than one.
    """
    partitions: Sequence[int] = range(log.partitions)
    if sku is not None:
        if (wrong := check_sku(sku)) is not None:
            raise CommandError(f"--sku: {wrong.detail}")
        partitions = [Partitioner(log.partitions).partition_of(sku)]
    found = await _places(log, identity, partitions)
    # Ids are used once by each SKU, and a partition has many.
    own = [place for place, key in found if sku is None or key == sku.encode()]
    if len(own) == 1:
        return own[0]
    if own:
        raise CommandError(
            f"several SKUs have a record with the id {identity}, at {', '.join(map(str, own))}: "
            "give its SKU, or the position"
        )
    of = "" if sku is None else f" of the SKU {sku}"
    others = f"; one of another does, at {found[0][0]}" if found else ""
    raise CommandError(f"no record{of} with the id {identity} counts{others}", ExitCode.FOUND_WRONG)


async def _places(
    log: EventLog, identity: str, partitions: Sequence[int]
) -> list[tuple[Position, bytes]]:
    """Where records of that id count, and their keys."""
    found = []
    wanted = msgspec.json.encode(identity)
    for partition, end in (await ends(log, partitions)).items():
        async with aclosing(read_records(log, partition, until=end)) as slices:
            async for records in slices:
                found += [
                    (Position(partition, record.offset), record.key)
                    for record in records
                    if record.counts and wanted in record.value and _id_of(record) == identity
                ]
    return found


def _id_of(record: Record) -> str | None:
    try:
        return _decode_named(record.value).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def covering(seals: Sequence[SignedSeal], place: Position) -> int:
    """Which of the seals is the first that covers the position. Raises CommandError."""
    partitions = len(seals[0].seal.partitions)
    if place.partition >= partitions:
        raise CommandError(
            f"there is no partition {place.partition}; the seal has {partitions}",
            ExitCode.FOUND_WRONG,
        )
    for number, signed in enumerate(seals):
        if place.offset < signed.seal.partitions[place.partition].next_offset:
            return number
    last = seals[-1].seal
    raise CommandError(
        f"{place} is not sealed yet: the seal number {last.number} covers partition "
        f"{place.partition} up to offset {last.partitions[place.partition].next_offset}",
        ExitCode.FOUND_WRONG,
    )


async def prove(log: EventLog, seals: Sequence[SignedSeal], place: Position) -> Proof:
    """The proof that the record at a position is in the first seal that covers it.

    Raises CommandError where nothing can be proved, ChainBroken where the log is not as sealed.
    """
    at = covering(seals, place)
    sealed = seals[at].seal.partitions[place.partition]
    old = None if at == 0 else seals[at - 1].seal.partitions[place.partition]
    search = _Search(place, sealed, old)
    begin = 0 if old is None else old.next_offset
    end = (await ends(log, [place.partition]))[place.partition]
    if end < sealed.next_offset:
        raise LogRegressed(f"partition {place.partition} ends at {end}, before what was sealed")
    reading = read_records(log, place.partition, start=begin, until=sealed.next_offset)
    async with aclosing(reading) as slices:
        async for records in slices:
            for record in records:
                search.take(record)
    proved, index, path = search.finish()
    return Proof(PROOF_FORMAT, proved, index, tuple(one.hex() for one in path), seals[at])


class _Search:
    """Goes through what a seal added, and keeps the one record and the way to the root."""

    def __init__(
        self, place: Position, sealed: SealedPartition, old: SealedPartition | None
    ) -> None:
        self._place = place
        self._sealed = sealed
        self._links = Links(place.partition)
        before = CompactRange()
        if old is not None:
            self._links = Links(place.partition, old.head, old.head_offset, old.records)
            before = old.leaves()
        self._paths = PathFinder(before)
        self._found: Record | None = None

    def take(self, record: Record) -> None:
        """The next record."""
        here = record.offset == self._place.offset
        head = self._links.take(record)
        if head is not None:
            self._paths.append(bytes.fromhex(head), wanted=here)
            if here:
                self._found = record
        elif here:
            raise CommandError(
                f"the record at {self._place} is void: it is no part of history, and nothing "
                "proves it",
                ExitCode.FOUND_WRONG,
            )

    def finish(self) -> tuple[ProvedRecord, int, list[bytes]]:
        """The record, its index among those that count, and its audit path."""
        if self._links.head != self._sealed.head or self._links.records != self._sealed.records:
            raise ChainBroken(
                f"partition {self._place.partition} is not what was sealed; verify says where"
            )
        if self._found is None:
            raise CommandError(f"no record lies at {self._place}", ExitCode.FOUND_WRONG)
        path, _ = self._paths.finish()
        found, index = self._found, self._paths.index
        assert index is not None
        record = ProvedRecord(
            self._place.partition, found.offset, found.key.decode(), found.value.decode()
        )
        return record, index, path
