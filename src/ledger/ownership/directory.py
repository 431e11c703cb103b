"""Where the owner of a partition is: what its newest claim says (docs/decisions/0008).

A claim says who wrote last, which is the best anybody can know without asking. It may be out of
date: whoever is sent to and is not the owner says so, and the belief is corrected.
"""

import asyncio

from ledger.domain.facts import WriterClaimed
from ledger.errors import LogUnavailable
from ledger.events.decoding import Codec
from ledger.log import READ_RECORDS_MAX, EventLog
from ledger.writer.batch import BATCH_RECORDS_MAX
from ledger.writer.tenure import CLAIM_EVERY_RECORDS

# The key of records that concern the ledger itself. A SKU may have the same name.
_KEY = b"ledger"
_MARK = b'"type":"stock.writer_claimed.v1"'


class Directory:
    """The newest claims of all partitions, as far as this instance has asked for them."""

    def __init__(self, log: EventLog) -> None:
        """Nothing is known yet."""
        self._log = log
        self._codec = Codec()
        self._entries = [_Entry() for _ in range(log.partitions)]

    def believed(self, partition: int) -> str | None:
        """The URL of the owner as believed now; None if nobody looked, or nobody ever claimed."""
        return self._entries[partition].url

    def believe(self, partition: int, url: str) -> None:
        """Somebody who should know has said where the owner is."""
        self._entries[partition].url = url

    async def owner(self, partition: int) -> str | None:
        """The URL in the newest claim; reads the log only if nothing is known yet.

        None if the partition was never claimed. Raises LogUnavailable.
        """
        entry = self._entries[partition]
        return entry.url if entry.url is not None else await self.look(partition)

    async def look(self, partition: int) -> str | None:
        """Read what the log has gained; the URL of the newest claim, or None.

        It replaces what somebody said: nobody knows better than the end of the log. Those who ask
        at the same time share one look. Raises LogUnavailable.
        """
        entry = self._entries[partition]
        if entry.looking is None:
            entry.looking = asyncio.ensure_future(self._look(partition, entry))
            entry.looking.add_done_callback(entry.forget_look)
        await asyncio.shield(entry.looking)
        return entry.url

    async def _look(self, partition: int, entry: "_Entry") -> None:
        end = await self._log.end(partition)
        # From where the last look ended; the first one begins so far back that an owner which
        # repeats its claim is found, and goes further back if there is none.
        span = CLAIM_EVERY_RECORDS + BATCH_RECORDS_MAX
        start = entry.read_to
        if start is None:
            start = max(0, end - span)
        claim = await self._newest_claim(partition, start, end)
        while claim is None and entry.read_to is None and start > 0:
            span *= 4
            start, stop = max(0, end - span), start
            claim = await self._newest_claim(partition, start, stop)
        entry.read_to = end
        if claim is not None:
            entry.claimed = claim.url or None
        entry.url = entry.claimed

    async def _newest_claim(self, partition: int, start: int, stop: int) -> WriterClaimed | None:
        newest: WriterClaimed | None = None
        while start < stop:
            count = min(READ_RECORDS_MAX, stop - start)
            part = await self._log.read(partition, start, records_max=count)
            for record in part.records:
                if record.counts and record.key == _KEY and _MARK in record.value:
                    _, fact = self._codec.decode(record)
                    if type(fact) is WriterClaimed:
                        newest = fact
            if part.next_offset <= start:
                # Whoever leads the partition now does not show all of it yet. What was not read
                # must not count as read: a claim in it would never be found again.
                raise LogUnavailable(f"partition {partition} is not shown to its end")
            start = part.next_offset
        return newest


class _Entry:
    """What is known of one partition."""

    __slots__ = ("claimed", "looking", "read_to", "url")

    def __init__(self) -> None:
        # By the newest claim that was read, and as believed.
        self.claimed: str | None = None
        self.url: str | None = None
        self.read_to: int | None = None
        self.looking: asyncio.Future[None] | None = None

    def forget_look(self, look: asyncio.Future[None]) -> None:
        """The look is over, well or not; the next one reads again."""
        self.looking = None
        # Who asked may have left; what went wrong is no defect.
        if not look.cancelled():
            look.exception()
