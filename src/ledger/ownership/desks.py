"""Where the commands of each partition are handed in: at this instance's writer, or for another.

A partition moves without a gap where that is possible: its old owner goes on until the new one has
read everything and claimed it; whatever still waits then follows to the new owner.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from ledger.ownership.remote import RemotePartition
from ledger.writer.hand import refuse
from ledger.writer.partition import PartitionWriter
from ledger.writer.queue import QUEUE_FULL, Submission
from ledger.writer.tenure import Tenure

# How long what is known of a partition is kept after another instance has taken it over.
KEEP_SECONDS = 600.0


class Desk(Protocol):
    """Takes submissions of one partition."""

    def offer(self, submission: Submission) -> bool:
        """Take it; False if there is no room."""
        ...


class Desks:
    """One desk for each partition."""

    def __init__(
        self,
        make_writer: Callable[[int, Tenure], PartitionWriter],
        remotes: Sequence[RemotePartition],
    ) -> None:
        """`remotes` has one for each partition, or none if this instance is alone."""
        self.writers: dict[int, PartitionWriter] = {}
        # Partitions whose commands are decided here now.
        self.held: set[int] = set()
        self.remotes = remotes
        self.has_all = False
        self._released = asyncio.Event()
        self._closed = False
        self._make_writer = make_writer
        self._desks: list[Desk] = [*remotes]
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._drops: dict[int, asyncio.TimerHandle] = {}

    def __getitem__(self, partition: int) -> Desk:
        """Where commands of the partition go now."""
        return self._desks[partition]

    def __len__(self) -> int:
        """How many partitions there are."""
        return len(self._desks)

    def alone(self, partitions: int) -> None:
        """Write all partitions; commands may be handed in from now on."""
        for partition in range(partitions):
            self._desks.append(self._start(partition, Tenure()))
            self.held.add(partition)

    def share(self, share: frozenset[int]) -> None:
        """Write these partitions, and no others once somebody else does."""
        self.has_all = len(share) == len(self.remotes)
        for partition in share:
            if partition in self._drops:
                self._drops.pop(partition).cancel()
            writer = self.writers.get(partition)
            if writer is None:
                tenure = Tenure(
                    announced=True,
                    began=partial(self._began, partition),
                    ended=partial(self._ended, partition),
                )
                self._start(partition, tenure)
            else:
                writer.want(wanted=True)
        for partition, writer in self.writers.items():
            if partition not in share:
                writer.want(wanted=False)

    async def released(self) -> None:
        """Wait until others write all partitions, but for those that are stopped by a fault."""
        while any(self.writers[partition].failure is None for partition in self.held):
            self._released.clear()
            await self._released.wait()

    async def close(self) -> None:
        """Decide what waits, answer it, then end."""
        self._closed = True
        for writer in self.writers.values():
            writer.close()
        for drop in self._drops.values():
            drop.cancel()
        for remote in self.remotes:
            remote.close()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, partition: int, tenure: Tenure) -> PartitionWriter:
        writer = self.writers[partition] = self._make_writer(partition, tenure)
        task = asyncio.create_task(writer.run(), name=f"writer-{partition}")
        task.add_done_callback(lambda _: self._stopped(partition, writer))
        self._tasks[partition] = task
        return writer

    def _began(self, partition: int) -> None:
        """The writer has read everything and its claim counts."""
        self.held.add(partition)
        self._desks[partition] = self.remotes[partition].own_writer = self.writers[partition]

    def _ended(self, partition: int, waiting: Sequence[Submission]) -> None:
        """Another instance has claimed the partition, and is the one to do so."""
        remote = self.remotes[partition]
        if partition in self.held:
            self.held.discard(partition)
            self._released.set()
            self._desks[partition] = remote
            remote.own_writer = None
        if partition not in self._drops and not self._closed:
            loop = asyncio.get_running_loop()
            self._drops[partition] = loop.call_later(KEEP_SECONDS, self._drop, partition)
        for submission in waiting:
            if not remote.offer(submission):
                refuse(submission, QUEUE_FULL)

    def _drop(self, partition: int) -> None:
        del self._drops[partition]
        self.writers.pop(partition).close()

    def _stopped(self, partition: int, writer: PartitionWriter) -> None:
        """The writer has met a fault. Its desk says so to everybody: another instance would meet
        the same fault, and nothing may be hidden."""
        if writer.failure is not None and self.writers.get(partition) is writer:
            self._desks[partition] = writer
            self._released.set()
