"""Where the chain is torn: which record is not what it was, as far as its neighbours tell."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.events.chain import link
from ledger.log import Record

# How far a record may have been moved by removing or inserting others, to be told so.
_MOVED_MAX: Final = 100

# An offset, and a sentence about it.
Named = tuple[int, str]


class Before(NamedTuple):
    """What lies in front of a record that does not continue the chain.

    `last` is the last counting record, `void` those behind it, `gap` the first offset of a hole
    behind it.
    """

    last: Record | None
    void: Sequence[Record]
    gap: int | None


class Torn(NamedTuple):
    """A record that does not continue the chain, until the next one tells which of them is wrong.

    `link` is its hash, `stated` what it says that of its predecessor is.
    """

    offset: int
    before: int
    link: str
    stated: str

    def told(self, prevhash: str | None) -> Named:
        """The record that was altered: the one that the next record does not know.

        `prevhash` is what the next record states, None if there is none.
        """
        if prevhash == self.link:
            return self.before, (
                f"it was changed, or something behind it removed: the record at {self.offset} "
                f"continues {self.stated[:12]}…, which is not its hash"
            )
        return self.offset, (
            f"it continues {self.stated[:12]}…, which is not the hash of its predecessor: it was "
            "changed, inserted, or moved here, or what lay here was removed"
        )


def explain(partition: int, record: Record, stated: str, before: Before) -> Named | None:
    """What happened in front of a record that does not continue the chain; None: unknown so far.

    `stated` is the hash that it states for its predecessor.
    """
    if before.gap is not None:
        return before.gap, f"what lay here counted: the record at {record.offset} continues it"
    if before.last is not None:
        offset = _written_for(partition, before.last, stated)
        if offset is not None:
            text = f"it was written for offset {offset}: something was removed or inserted"
            return before.last.offset, text
    for void in before.void:
        if link(partition, void.offset, void.key, void.value) == stated:
            text = f"it counted when {record.offset} was written, and now states {void.stated}"
            return void.offset, text
        if type(void.stated) is int and void.stated > void.offset:
            # It was put here from a later place; nothing that was written here states that.
            text = f"what counted here, and is continued at {record.offset}, was replaced"
            return void.offset, text
    return None


def _written_for(partition: int, record: Record, stated: str) -> int | None:
    """The offset at which a record had the hash that its successor states, if it is near."""
    for away in range(1, _MOVED_MAX):
        for offset in (record.offset - away, record.offset + away):
            if link(partition, offset, record.key, record.value) == stated:
                return offset
    return None
