"""The way through one partition, record by record: the chain, and everything that follows from it.

As long as the chain holds, each record is decoded, written anew and compared byte by byte, and
counted in the fold. Behind the first place where history was altered nothing can be folded any
more; from there on only the chain is followed, so that all such places are known.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from ledger.domain.facts import Moved, Opened
from ledger.errors import LedgerError
from ledger.events.chain import GENESIS, link
from ledger.events.decoding import Codec
from ledger.log import Record
from ledger.replay.walk import Counted as Counted
from ops.findings import Finding, Findings
from ops.verify.fold import Fold
from ops.verify.rewriting import Rewriter
from ops.verify.tears import Before, Torn, explain

VOID_LISTED_MAX: Final = 1_000
# Void records that lie together and may have to be looked at again.
_VOID_HELD_MAX = 1_000


class Watch(Protocol):
    """Whoever follows the hashes of the records, as a seal does."""

    def add(self, offset: int, link_hex: str) -> None:
        """One more counting record."""
        ...


class Stop(NamedTuple):
    """Something to be compared in front of `offset`; it is given the walk. `what` is for people."""

    offset: int
    check: Callable[["Walk"], None]
    what: str


class _Prevhash(msgspec.Struct):
    prevhash: str


# What a record can lead to that is no fact, whatever its bytes are.
_IMPOSSIBLE: Final = (
    LedgerError, msgspec.MsgspecError, ArithmeticError, AttributeError, LookupError, RecursionError,
    TypeError, ValueError,
)  # fmt: skip
_decode_prevhash = msgspec.json.Decoder(_Prevhash).decode


class Walk:
    """One partition. `sound` is true until something is found that breaks the fold."""

    def __init__(
        self, partition: int, partitions: int, findings: Findings, watch: Watch | None = None
    ) -> None:
        """In front of the first record."""
        self.partition = partition
        self.findings = findings
        self.fold = Fold(partition, partitions, findings)
        self.next_offset = 0
        self.head = GENESIS
        # The offset of the last counting record, and the first one behind which nothing is sound.
        self.head_offset = -1
        self.broken_at: int | None = None
        self.counting = self.void = 0
        # The first void records, as (offset, what it states).
        self.void_listed: list[tuple[int, int | None]] = []
        # Whether `take` answers with what counts, and leaves the void records in `voids`.
        self.keeps = True
        self.voids: list[Record] = []
        self._partitions = partitions
        self._watch = watch
        self._codec = Codec()
        self._rewriter = Rewriter("")
        self._last: Record | None = None
        self._void_since: list[Record] = []
        self._gap: int | None = None
        self._explained = False
        self._torn: Torn | None = None

    @property
    def sound(self) -> bool:
        """Whether the state is that of the log."""
        return self.broken_at is None

    def wrong(self, code: str, offset: int, text: str) -> None:
        """Note what is wrong at an offset."""
        self.findings.take((Finding(code, f"{self.partition}:{offset}", text),))

    def take(self, records: Sequence[Record]) -> list[Counted]:
        """Read records in their order; those that count and are sound, if anybody wants them."""
        counted: list[Counted] = []
        self.voids.clear()
        keep = counted.append if self.keeps else None
        for record in records:
            offset = record.offset
            if offset != self.next_offset:
                self._misses(offset)
            self.next_offset = offset + 1
            if record.stated != offset:
                self._skip(record)
                continue
            self.counting += 1
            before, self.head = self.head, self._link(record)
            if self._watch is not None:
                self._watch.add(offset, self.head)
            if self.broken_at is None:
                found = self._continue(record, before)
                if found is not None and keep is not None:
                    keep(found)
            else:
                self._follow(record, before)
            self.head_offset, self._last, self._gap = offset, record, None
            if self._void_since:
                self._void_since.clear()
        return counted

    def _link(self, record: Record) -> str:
        try:
            return link(self.partition, record.offset, record.key, record.value)
        except TypeError:
            self.wrong("undecodable", record.offset, "key and value are not bytes")
            self.stop(record.offset)
            return GENESIS

    def finish(self) -> None:
        """Behind the last record: what could be told by the next one only, and the sums."""
        self._tell_torn(None)
        if not self.sound:
            return
        for sku, stock in self.fold.skus.items():
            real = sum(stock.real.values())
            if sum(stock.accounts.values()) or real != stock.total:
                where = f"{self.partition}:{self.head_offset}"
                text = f"the accounts of {sku} do not sum to zero"
                self.findings.take((Finding("unbalanced", where, text),))

    def stop(self, offset: int) -> None:
        """From here on nothing can be folded any more."""
        if self.broken_at is None:
            self.broken_at = offset

    def _misses(self, offset: int) -> None:
        expected = self.next_offset
        if offset < expected:
            self.wrong("out_of_order", offset, f"it lies behind the record at {expected - 1}")
            self.stop(offset)
            return
        self.wrong("gap", expected, f"offsets up to {offset - 1} are missing")
        self._gap = expected if self._gap is None else self._gap

    def _skip(self, record: Record) -> None:
        """A void record: listed, and no part of history."""
        offset, stated = record.offset, record.stated
        self.void += 1
        if self.keeps and self.sound:
            self.voids.append(record)
        if len(self.void_listed) < VOID_LISTED_MAX:
            self.void_listed.append((offset, stated))
        if len(self._void_since) < _VOID_HELD_MAX:
            self._void_since.append(record)
        if type(stated) is int and stated > offset:
            # Its writer had read further than the log now goes: the log lost its past.
            self.wrong("stated_ahead", offset, f"it states {stated}")
            self.stop(offset)
        if self.sound:
            self.fold.skip(offset)

    def _continue(self, record: Record, before: str) -> Counted | None:
        """Read a record as long as all before it is sound."""
        try:
            prevhash, fact, command = self._codec.decode_with_command(record)
            if prevhash != before:
                self._tear(record, prevhash)
                return None
            if type(fact) is Opened:
                self._open(fact)
            again = self._rewriter.write(fact, prevhash)
            if again[1] != record.value or again[0] != record.key:
                self._wrong_bytes(record, again)
                return None
            if type(fact) is Moved:
                self.fold.move(fact)
            else:
                self.fold.count(fact)
        except _IMPOSSIBLE as error:
            self.wrong("undecodable", record.offset, f"{type(error).__name__}: {error}")
            self.stop(record.offset)
            return None
        return record, fact, command

    def _open(self, fact: Opened) -> None:
        self._rewriter = Rewriter(f"/stockledger/{fact.ledger_id}")
        said = (fact.partition, fact.partitions)
        if said != (self.partition, self._partitions):
            text = f"it opens partition {said[0]} of {said[1]}, not one of {self._partitions}"
            self.wrong("other_ledger", fact.offset, text)

    def _wrong_bytes(self, record: Record, again: tuple[bytes, bytes]) -> None:
        if record.key != again[0]:
            self.wrong("not_as_written", record.offset, "its key is not its subject")
        else:
            at = _first_difference(record.value, again[1])
            text = f"from byte {at} on it is not as a ledger writes its content"
            self.wrong("not_as_written", record.offset, text)
        self.stop(record.offset)

    # ---- where the chain is torn

    def _follow(self, record: Record, before: str) -> None:
        """Go on along the chain alone."""
        try:
            prevhash = _decode_prevhash(record.value).prevhash
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            self._tell_torn(None)
            self.wrong("undecodable", record.offset, str(error))
            return
        self._tell_torn(prevhash)
        if prevhash != before:
            self._tear(record, prevhash)

    def _tear(self, record: Record, stated: str) -> None:
        """A record does not continue the chain. Behind the first such place only these are named,
        without looking for what happened."""
        offset, last = record.offset, self._last
        if not self._explained:
            self._explained = True
            found = explain(
                self.partition, record, stated, Before(last, self._void_since, self._gap)
            )
            if found is not None:
                self.wrong("chain_broken", *found)
                self.stop(found[0])
                return
        before = offset if last is None else last.offset
        self._torn = Torn(offset, before, self.head, stated)
        self.stop(before)

    def _tell_torn(self, prevhash: str | None) -> None:
        torn, self._torn = self._torn, None
        if torn is not None:
            self.wrong("chain_broken", *torn.told(prevhash))


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
