"""Bringing the demand view as far as the views it is made from.

It is not written with the other views, so that a projector does no more than before, but summed up
by the database from their rows, slice by slice. A slice and the position it leads to are one
transaction, begun by moving the position from where the slice starts: of two who do the same, the
second changes nothing, and what is ended in the middle has not happened.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from ledger.errors import LedgerError, WrongLedger
from projections.database import Database
from projections.planning.demand_rules import Slice

# A slice locks the position of its partition, and on SQLite the database, for some 100 ms.
RECORDS_A_SLICE: Final = 20_000


class DemandRefused(LedgerError):
    """The database cannot hold the sums of the demand view; nothing of the slice was written."""


class PartitionPosition(NamedTuple):
    """How far the demand view is in a partition, and how far it can go."""

    partition: int
    target: int
    position: int
    same_ledger: bool


class DemandStore(Protocol):
    """Where the demand view is written. Every method raises DatabaseUnavailable."""

    async def positions(self) -> list[PartitionPosition]:
        """Of every partition that the views have read."""
        ...

    async def fold(self, part: Slice) -> bool:
        """Take in a slice; False if the position is not where it starts, or the views are not
        where it ends. Raises DemandRefused."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


def open_demand_store(database: Database) -> DemandStore:
    """The store for the kind of database."""
    from projections.planning.demand_postgres import PostgresDemandStore
    from projections.planning.demand_sqlite import SqliteDemandStore

    if database.is_sqlite:
        return SqliteDemandStore(database.url)
    return PostgresDemandStore(database.url)


async def catch_up(
    database: Database,
    *,
    until: Mapping[int, int] | None = None,
    records_max: int = RECORDS_A_SLICE,
) -> Mapping[int, int]:
    """Read as far as the views are now; the offset of the next record by partition.

    `until` says to go no further than these offsets, and not at all in partitions it does not name.
    Slices have at most `records_max` records. Where a slice is refused the other partitions go on,
    and then DemandRefused is raised. Raises DatabaseUnavailable, WrongLedger.
    """
    store = open_demand_store(database)
    try:
        return await _catch_up(store, until, records_max)
    finally:
        await store.close()


async def _catch_up(
    store: DemandStore, until: Mapping[int, int] | None, records_max: int
) -> Mapping[int, int]:
    targets: dict[int, int] = {}
    refused: dict[int, DemandRefused] = {}
    while True:
        positions = await store.positions()
        if not all(one.same_ledger for one in positions):
            raise WrongLedger("the demand view was made from another ledger")
        for one in positions:
            # What comes in meanwhile is for the next time, or this one might never end. And views
            # that are made anew in the meantime may be behind.
            targets[one.partition] = min(one.target, targets.get(one.partition, one.target))
            if until is not None:
                targets[one.partition] = min(targets[one.partition], until.get(one.partition, 0))
        behind = [
            one._replace(target=targets[one.partition])
            for one in positions
            if one.position < targets[one.partition] and one.partition not in refused
        ]
        if not behind:
            break
        refused |= await _fold(store, behind, records_max)
    if refused:
        raise DemandRefused("; ".join(f"partition {one}: {why}" for one, why in refused.items()))
    return {one.partition: one.position for one in positions}


async def _fold(
    store: DemandStore, behind: Sequence[PartitionPosition], records_max: int
) -> dict[int, DemandRefused]:
    """Take in a slice of each partition; those that were refused."""
    refused = {}
    for one in behind:
        part = Slice(one.partition, one.position, min(one.position + records_max, one.target))
        try:
            await store.fold(part)
        except DemandRefused as error:
            refused[one.partition] = error
    return refused
