"""How far a group of views has read a partition, and the comparison that guards it.

A projector that wants to write states the checkpoint it started from. In the transaction of the
writes the stored one is compared with it (and locked); where it differs, another projector is
ahead and nothing is written.
"""

from collections.abc import Iterable, Sequence

import msgspec

from ledger.events.chain import GENESIS

# The views that are written together: stock, movements, refusals and items.
VIEW_GROUP = "core"
# Not a group of views: in its one row `ledger_id` is the id of the exchange of views that was the
# last, and `position` its millisecond. It is written with the exchange, so that nobody has to guess
# whether one took place.
EXCHANGE_GROUP = "rebuild"


class Checkpoint(msgspec.Struct, frozen=True):
    """`position` is the offset of the next record to read.

    `head` is the hash of the last counting record before it, which lies at `head_offset`
    (-1 where there is none yet).
    """

    ledger_id: str
    position: int = 0
    head: str = GENESIS
    head_offset: int = -1


class Advance(msgspec.Struct, frozen=True):
    """The step of one partition from one checkpoint to the next."""

    partition: int
    before: Checkpoint
    after: Checkpoint


class Stale(Exception):
    """Another projector has moved the checkpoint of some `partitions`; nothing may be written."""

    def __init__(self, partitions: list[int]) -> None:
        """The partitions whose stored checkpoint is another one."""
        super().__init__(f"partitions {partitions} are elsewhere")
        self.partitions = partitions


def compare(advances: Iterable[Advance], stored: dict[int, Checkpoint]) -> None:
    """Raise Stale unless every partition is stored as the writer left from it."""
    moved = [step.partition for step in advances if stored.get(step.partition) != step.before]
    if moved:
        raise Stale(moved)


def initial_rows(group: str, advances: Sequence[Advance]) -> list[tuple[object, ...]]:
    """Rows for the partitions that start from nothing, in the order of their numbers."""
    return sorted(
        (group, advance.partition, advance.before.ledger_id, 0, GENESIS, -1)
        for advance in advances
        if advance.before.position == 0
    )


SELECT_COLUMNS = "partition, ledger_id, position, head, head_offset"
INSERT_COLUMNS = "view_group, partition, ledger_id, position, head, head_offset"


def from_rows(rows: Iterable[Sequence[object]]) -> dict[int, Checkpoint]:
    """Checkpoints by partition, from rows of `SELECT_COLUMNS`."""
    return {
        row[0]: msgspec.convert(
            dict(zip(Checkpoint.__struct_fields__, row[1:], strict=True)), Checkpoint
        )
        for row in rows
        if isinstance(row[0], int)
    }
