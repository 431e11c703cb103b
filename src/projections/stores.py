"""The port through which the runner writes, and what can go wrong there."""

from collections.abc import Sequence
from typing import Protocol

from ledger.domain.facts import Moved
from ledger.errors import LedgerError
from ledger.events.decoding import CommandBytes
from projections.changes import Changes
from projections.checkpoints import Checkpoint
from projections.database import Database


class ChangesRefused(LedgerError):
    """The database refuses these rows and always will; nothing was written."""


class ViewStore(Protocol):
    """Writes changes and checkpoints together. Every method raises DatabaseUnavailable.

    `records_max` is how many records one transaction takes at most while catching up.
    """

    records_max: int

    def movement_row(
        self, partition: int, moved: Moved, command: CommandBytes
    ) -> tuple[object, ...] | bytes:
        """A movement in the form that this store writes fastest; its command as the log has it."""
        ...

    async def close(self) -> None:
        """Let go of the connection; the next call makes a new one."""
        ...

    async def checkpoints(self) -> dict[int, Checkpoint]:
        """The checkpoint of every partition that was ever read."""
        ...

    async def write(self, changes: Sequence[Changes]) -> list[int]:
        """Write all changes and their checkpoints in one transaction, or nothing.

        Returns the partitions whose stored checkpoint is another one; where there is any,
        nothing was written. Raises ChangesRefused.
        """
        ...

    async def note_failure(self, row: tuple[object, ...]) -> None:
        """Write down what stopped a partition, in place of what did before."""
        ...

    async def defer_indexes(self) -> None:
        """Drop what only slows loading, if no movement is there yet."""
        ...

    async def build_indexes(self) -> None:
        """Make every index that is missing."""
        ...


def open_store(database: Database, group: str) -> ViewStore:
    """The store of a view group, for the kind of database."""
    from projections.store_postgres import PostgresStore
    from projections.store_sqlite import SqliteStore

    return (
        SqliteStore(database.url, group)
        if database.is_sqlite
        else PostgresStore(database.url, group)
    )
