"""The one thread that writes a SQLite log: all appends that wait share one transaction."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import NamedTuple

from ledger.adapters.sqlite_file import LogFile
from ledger.adapters.sqlite_storing import (
    Content,
    Outcome,
    Stored,
    Storing,
    made,
    next_group,
)
from ledger.errors import LogRegressed, LogUnavailable, OutcomeUnknown


class Append(NamedTuple):
    """One append that waits."""

    partition: int
    offset: int
    content: Content
    done: asyncio.Future[Stored]
    void: bool = False

    @property
    def batch(self) -> tuple[int, int, Content]:
        """What is to be stored, and where."""
        return self.partition, self.offset, self.content


Settle = Callable[[list[Append], list[Outcome]], None]


def if_still_there(file: LogFile, outcomes: list[Outcome]) -> list[Outcome]:
    """What became of a group, unless nobody will open the file again."""
    try:
        file.confirm_identity()
    except LogRegressed as error:
        return [error] * len(outcomes)
    return outcomes


class Writer:
    """Stores appends in groups, each group with one fsync, each append whole or not at all."""

    def __init__(
        self,
        file: LogFile,
        connection: sqlite3.Connection,
        clock: Callable[[], float],
        settle: Settle,
    ) -> None:
        """Start the thread. `settle` is called in the event loop with what became of a group."""
        self._file = file
        self.storing = Storing(file, connection, clock)
        self._settle = settle
        self._loop = asyncio.get_running_loop()
        self._appends: queue.SimpleQueue[Append | None] = queue.SimpleQueue()  # None: stop
        self._thread = threading.Thread(target=self._run, name="log-write", daemon=True)
        self._thread.start()

    def put(self, append: Append) -> None:
        """Queue an append."""
        self._appends.put(append)

    async def stop(self) -> None:
        """Finish the group at hand, drop the others, close the connection."""
        self._appends.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        # Who is killed again and again behind the first commit would else leave more each time.
        self.storing.finish()
        while True:
            group, stopping = next_group(self._appends)
            if stopping:
                outcomes: list[Outcome] = [LogUnavailable("the log was closed")] * len(group)
            else:
                outcomes = self._store(group)
            tell = self._settle if stopping else self._tell
            with contextlib.suppress(RuntimeError):  # the loop is gone, and with it who asked
                self._loop.call_soon_threadsafe(tell, group, outcomes)
            if stopping:
                break
            self.storing.finish()
        self.storing.close()

    def _store(self, group: list[Append]) -> list[Outcome]:
        try:
            return self.storing.store([made(*one.batch, void=one.void) for one in group])
        except Exception as error:  # noqa: BLE001  (no caller may wait for ever)
            return [OutcomeUnknown(f"{self._file.path}: {error!r}")] * len(group)

    def _tell(self, group: list[Append], outcomes: list[Outcome]) -> None:
        """In the event loop."""
        self._settle(group, if_still_there(self._file, outcomes))
