"""One partition of the log as publishers read it: what counts, in its order, the chain checked."""

from typing import NamedTuple

from ledger.domain.facts import Fact, Opened
from ledger.errors import LogRegressed, WrongLedger
from ledger.events.chain import GENESIS, Chain
from ledger.log import READ_RECORDS_MAX, EventLog

READ_WAIT_SECONDS = 5.0


class Place(NamedTuple):
    """Where to go on: the ledger, the next offset, and the hash of the last counting record."""

    ledger_id: str = ""
    position: int = 0
    head: str = GENESIS


class Source:
    """Reads on from a place. `position` is the next offset, `end` that of the log as last heard."""

    def __init__(self, log: EventLog, partition: int, place: Place) -> None:
        """Nothing is read yet."""
        self.partition = partition
        self.position = place.position
        self.ledger_id = place.ledger_id
        self.end = place.position
        self._log = log
        self._chain = Chain(partition, place.head)

    @property
    def place(self) -> Place:
        """Where it is now."""
        return Place(self.ledger_id, self.position, self._chain.head)

    async def check(self) -> None:
        """That this is the log that the place is of. Raises WrongLedger, LogRegressed,
        LogUnavailable."""
        self.end = await self._log.end(self.partition)
        if self.end < self.position:
            raise LogRegressed(
                f"partition {self.partition} ends at {self.end}, but is published up to "
                f"{self.position}"
            )
        if self.position == 0:
            return
        part = await self._log.read(self.partition, 0, records_max=1)
        first = part.records[0] if part.records else None
        fact = Chain(self.partition).accept(first) if first and first.counts else None
        if not isinstance(fact, Opened) or fact.ledger_id != self.ledger_id:
            raise WrongLedger(f"the log is not that of ledger {self.ledger_id}, which is published")

    async def read(self, records_max: int = READ_RECORDS_MAX, *, wait: bool = False) -> list[Fact]:
        """The next facts. Raises ChainBroken, UndecodableRecord, LevelUnsupported, WrongLedger,
        LogRegressed, LogUnavailable; what was read before such a record is given first."""
        part = await self._log.read(
            self.partition,
            self.position,
            records_max=records_max,
            wait_seconds=READ_WAIT_SECONDS if wait else 0.0,
        )
        self.end = part.end
        facts: list[Fact] = []
        for record in part.records:
            if record.stated == record.offset:
                try:
                    fact = self._chain.accept(record)
                    if not self.ledger_id:
                        self.ledger_id = self._opened(fact)
                except Exception:
                    if facts:
                        return facts  # the next read comes upon the same record
                    raise
                facts.append(fact)
            self.position = record.offset + 1
        self.position = max(self.position, part.next_offset)
        return facts

    def _opened(self, fact: Fact) -> str:
        if not isinstance(fact, Opened) or fact.partition != self.partition:
            raise WrongLedger(
                f"partition {self.partition} does not begin with the opening of this partition"
            )
        return fact.ledger_id
