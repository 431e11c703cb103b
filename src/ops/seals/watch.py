"""One partition of a log, compared with its seals while it is walked, record by record."""

from collections.abc import Sequence
from typing import NamedTuple

from ledger.events.merkle import CompactRange, subtree_sizes
from ops.seals.documents import SealedPartition


class SealDifference(NamedTuple):
    """Where the log is not what was sealed.

    `code` is `seal_differs` or `shorter_than_seal`; `offset` the first that is in doubt.
    """

    code: str
    partition: int
    offset: int
    text: str


class _Milestone(NamedTuple):
    """After so many records, the last subtree of the tree must have this hash.

    `floor` is the offset before which no further record may count, as the seal says that ends here.
    """

    records: int
    subtree: bytes
    seal: int
    floor: int


class SealWatch:
    """Compares each subtree of each seal when it is complete, so that the first one that differs
    tells the place, even where the chain was made anew from there on.

    Costs one or two hashes a record, and holds one for each binary digit of their number.
    """

    def __init__(self, partition: int, sealed: Sequence[tuple[int, SealedPartition]]) -> None:
        """In front of the first record. `sealed` are numbers of seals and what they say."""
        self._partition = partition
        self._tree = CompactRange()
        self._number = sealed[-1][0] if sealed else 0
        self._records = sealed[-1][1].records if sealed else 0
        self._end = sealed[-1][1].next_offset if sealed else 0
        self._milestones = _milestones(sealed)
        self._at = self._milestones[-1].records if sealed else -1
        self._floor = 0
        # Everything before this offset is as it was sealed.
        self._sound = 0
        self._found: SealDifference | None = None

    def add(self, offset: int, link_hex: str) -> None:
        """The next record that counts, and its hash over partition, offset, key and value."""
        if self._found is not None:
            return
        if offset < self._floor:
            self._differs(offset, "a record counts that did not when it was sealed")
            return
        if not self._milestones:
            return
        self._tree.append(bytes.fromhex(link_hex))
        if self._tree.end == self._at:
            self._compare(offset)

    def _compare(self, offset: int) -> None:
        mark = self._milestones.pop()
        if self._tree.hashes[-1] != mark.subtree:
            which = f"between the offsets {self._sound} and {offset} something"
            if self._sound == offset:
                which = f"the record at offset {offset}"
            self._differs(self._sound, f"{which} is not what was sealed", mark.seal)
            return
        self._sound = offset + 1
        self._floor = mark.floor
        self._at = self._milestones[-1].records if self._milestones else -1

    def _differs(self, offset: int, what: str, seal: int | None = None) -> None:
        text = f"{what} by number {self._number if seal is None else seal}"
        self._found = SealDifference("seal_differs", self._partition, offset, text)

    def finish(self, next_offset: int) -> list[SealDifference]:
        """Behind the last record: the first difference, if there is any."""
        if self._found is None and next_offset < self._end:
            text = (
                f"the log ends at offset {next_offset}; the seal number {self._number} "
                f"knows it up to {self._end}"
            )
            offset = min(self._sound, next_offset)
            self._found = SealDifference("shorter_than_seal", self._partition, offset, text)
        elif self._found is None and self._milestones:
            missing = self._records - self._tree.end
            self._differs(self._sound, f"{missing} records are missing that were sealed")
        return [] if self._found is None else [self._found]


def _milestones(sealed: Sequence[tuple[int, SealedPartition]]) -> list[_Milestone]:
    """The last first, so that the next one is at the end."""
    found: dict[int, _Milestone] = {}
    for number, one in sealed:
        records = 0
        hashes = one.leaves().hashes
        for node, size in zip(hashes, subtree_sizes(0, one.records), strict=True):
            records += size
            floor = one.next_offset if records == one.records else 0
            known = found.get(records)
            if known is None:
                found[records] = _Milestone(records, node, number, floor)
            else:
                found[records] = known._replace(floor=max(known.floor, floor))
    return sorted(found.values(), reverse=True)
