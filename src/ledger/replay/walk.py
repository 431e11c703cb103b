"""The way through one partition: which records count, whether they continue the chain, and gaps."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ledger.domain.facts import Fact, Opened
from ledger.errors import ChainBroken, LevelUnsupported, UndecodableRecord, WrongLedger
from ledger.events.chain import GENESIS, Chain
from ledger.events.decoding import CommandBytes
from ledger.log import Record

Counted = tuple[Record, Fact, CommandBytes]


class Gap(NamedTuple):
    """Offsets `first` to `last` at which nothing lies."""

    first: int
    last: int

    def __str__(self) -> str:
        """As a sentence names it."""
        if self.first == self.last:
            return f"offset {self.first}"
        return f"offsets {self.first} to {self.last}"


class Walk:
    """Follows one partition record by record, and stops at the first that does not fit.

    `position` is the offset of the next record; `head_offset` that of the last that counted, -1
    before the first; `chain.head` its hash. `counting` and `void` are how many of each there were.
    A gap is in `gaps` once the next counting record has shown that nothing that counts is missing
    in it, and in `open_gaps` until then. `stopped` says that a record was met that was recorded
    after `recorded_ms_max`; the walk stands in front of it.
    """

    __slots__ = (
        "_on_void",
        "chain",
        "counting",
        "gaps",
        "head_offset",
        "open_gaps",
        "opened",
        "position",
        "recorded_ms_max",
        "stopped",
        "void",
    )

    def __init__(
        self,
        partition: int,
        *,
        recorded_ms_max: int | None = None,
        on_void: Callable[[Record], object] | None = None,
    ) -> None:
        """In front of the first record. `on_void` is given each void record, in order."""
        self.chain = Chain(partition, GENESIS)
        self.opened: Opened | None = None
        self.position = 0
        self.head_offset = -1
        self.counting = 0
        self.void = 0
        self.gaps: list[Gap] = []
        self.open_gaps: list[Gap] = []
        self.recorded_ms_max = recorded_ms_max
        self.stopped = False
        self._on_void = on_void

    @property
    def partition(self) -> int:
        """Which partition it is."""
        return self.chain.partition

    def facts(self, records: Sequence[Record]) -> Iterator[Counted]:
        """Of the next records those that count, each with its fact and the command of a movement.

        Raises ChainBroken, UndecodableRecord, LevelUnsupported, WrongLedger, each with the place.
        """
        chain, limit = self.chain, self.recorded_ms_max
        expected = self.position
        for record in records:
            offset = record.offset
            if offset != expected:
                self._skip(offset)
            if record.stated == offset:
                head = chain.head
                fact, command = self._accept(record)
                if limit is not None and fact.recorded_ms > limit:
                    chain.head = head
                    self.stopped = True
                    return
                self.counting += 1
                self.head_offset = offset
                self.position = expected = offset + 1
                yield record, fact, command
            else:
                self.void += 1
                self.position = expected = offset + 1
                if self._on_void is not None:
                    self._on_void(record)

    def reach(self, until: int) -> None:
        """All records before `until` were given: what is missing in front of it is a gap."""
        if self.position < until and not self.stopped:
            self._skip(until)
            self.position = until

    def prove(self, record: Record) -> None:
        """A later counting record shows whether something that counts is missing in front of it.

        The walk stays where it is. Raises what `facts` raises.
        """
        head = self.chain.head
        self._accept(record)
        self.chain.head = head

    def _accept(self, record: Record) -> tuple[Fact, CommandBytes]:
        try:
            fact, command = self.chain.accept_with_command(record)
        except ChainBroken as error:
            if self.open_gaps:
                missing = ", ".join(map(str, self.open_gaps))
                raise ChainBroken(
                    f"partition {self.partition}: {missing} missing in the log; the record at "
                    f"offset {record.offset} does not follow what is in front of it"
                ) from error
            raise
        except LevelUnsupported as error:
            raise LevelUnsupported(
                f"partition {self.partition}, offset {record.offset}: {error}"
            ) from error
        if self.opened is None or type(fact) is Opened:
            self._open(fact)
        if self.open_gaps:
            self.gaps += self.open_gaps
            self.open_gaps = []
        return fact, command

    def _open(self, fact: Fact) -> None:
        place = f"partition {self.partition}, offset {fact.offset}"
        if self.opened is not None:
            raise WrongLedger(f"{place}: the partition is opened a second time")
        if type(fact) is not Opened or fact.partition != self.partition:
            raise WrongLedger(f"{place}: the first record is not the opening of this partition")
        self.opened = fact

    def _skip(self, offset: int) -> None:
        if offset < self.position:
            raise UndecodableRecord(
                f"partition {self.partition}, offset {offset}: the log gave it behind offset "
                f"{self.position - 1}"
            )
        self.open_gaps.append(Gap(self.position, offset - 1))
