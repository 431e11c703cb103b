"""Reading partitions of the log as they grow, through outages."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from ledger.domain.facts import Fact
from ledger.errors import ChainBroken, LogUnavailable
from ledger.events.chain import link
from ledger.events.decoding import Codec
from ledger.log import EventLog, Record, Slice
from ledger.replay.reading import LogDamaged, is_damage
from ops.tailing.wanted import Wanted

READ_WAIT_SECONDS = 2.0
BACKOFF_SECONDS = (0.2, 5.0)


class Shown(NamedTuple):
    """Where records go that pass, and what is said of outages.

    `record` answers False once enough was shown; its last argument is the fact, None where void.
    """

    record: Callable[[int, Record, object], bool]
    outage: Callable[[str], None]
    over: Callable[[], None]
    caught_up: Callable[[], None]


class Tail:
    """Follows some partitions until enough was shown."""

    def __init__(self, log: EventLog, wanted: Wanted, shown: Shown) -> None:
        """The log is open."""
        self._log = log
        self._wanted = wanted
        self._shown = shown
        self._down: set[int] = set()
        self._codec = Codec()

    async def run(self, starts: dict[int, int]) -> None:
        """Follow each partition from its offset on.

        Ends when `record` says so. Raises ChainBroken, UndecodableRecord, LevelUnsupported,
        LogRegressed, LogDamaged.
        """
        tasks = [asyncio.create_task(self._follow(*start)) for start in starts.items()]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, partition: int, offset: int) -> None:
        head: str | None = None
        while True:
            part = await self._read(partition, offset)
            for record in part.records:
                fact = None
                if record.counts:
                    prevhash, fact = self._codec.decode(record)
                    head = _continued(partition, record, prevhash, head)
                if self._passes(record, fact) and not self._shown.record(partition, record, fact):
                    return
            offset = part.next_offset
            if offset >= part.end:
                self._shown.caught_up()

    def _passes(self, record: Record, fact: Fact | None) -> bool:
        if fact is not None:
            return self._wanted.shows(fact)
        sku = self._wanted.sku
        return self._wanted.voids and (sku is None or record.key == sku.encode())

    async def _read(self, partition: int, offset: int) -> Slice:
        """The next records; while the log does not answer it is asked again and again."""
        pause = BACKOFF_SECONDS[0]
        while True:
            try:
                part = await self._log.read(partition, offset, wait_seconds=READ_WAIT_SECONDS)
            except LogUnavailable as error:
                if is_damage(error):
                    # It does not go away by waiting.
                    place = f"partition {partition}, at or after offset {offset}"
                    raise LogDamaged(f"{place}: {error}") from error
                if not self._down:
                    self._shown.outage(str(error))
                self._down.add(partition)
                await asyncio.sleep(pause)
                pause = min(2 * pause, BACKOFF_SECONDS[1])
                continue
            if partition in self._down:
                self._down.discard(partition)
                if not self._down:
                    self._shown.over()
            return part


def _continued(partition: int, record: Record, prevhash: str, head: str | None) -> str:
    """The hash of a record that continues the one read before it, if there was one."""
    if head is not None and prevhash != head:
        raise ChainBroken(
            f"partition {partition}, offset {record.offset} does not continue the chain"
        )
    return link(partition, record.offset, record.key, record.value)
