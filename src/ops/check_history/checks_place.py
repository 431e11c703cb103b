"""Where records lie: no gap, no record that states a later place, and the chain of hashes."""

import hashlib
from collections.abc import Iterator

import msgspec

from ledger.log import Record
from ops.check_history.accounts import Document
from ops.findings import Finding

GENESIS = "0" * 64
VOID_LISTED_MAX = 1_000
_decode = msgspec.json.Decoder(Document).decode


class Tail:
    """How far one partition is read."""

    def __init__(self, partition: int) -> None:
        """Before its first record."""
        self.partition = partition
        self.next_offset = 0
        self.head = GENESIS
        self.counting = self.void = 0
        # The first void records, as (offset, what it states).
        self.void_listed: list[tuple[int, int | None]] = []


def read_record(tail: Tail, record: Record) -> Iterator[Finding]:
    """Check the place of a record, and move on behind it."""
    where = f"{tail.partition}:{record.offset}"
    if record.offset != tail.next_offset:
        yield Finding("gap", where, f"offsets from {tail.next_offset} on are missing")
    tail.next_offset = record.offset + 1
    if record.stated == record.offset:
        tail.counting += 1
        return
    tail.void += 1
    if len(tail.void_listed) < VOID_LISTED_MAX:
        tail.void_listed.append((record.offset, record.stated))
    if record.stated is not None and record.stated > record.offset:
        # Its writer had read further than the log now goes: the log lost its past.
        yield Finding("stated_ahead", where, f"it states {record.stated}")


def read_event(tail: Tail, record: Record) -> Iterator[Finding | Document]:
    """The document of a counting record, behind what is wrong with its hash; none if unreadable."""
    where = f"{tail.partition}:{record.offset}"
    key, value = record.key, record.value
    start = b"%d:%d:%d:" % (tail.partition, record.offset, len(key))
    before, tail.head = tail.head, hashlib.sha256(start + key + value).hexdigest()
    try:
        event = _decode(value)
        stated, subject = event["prevhash"], event["subject"]
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError) as error:
        yield Finding("undecodable", where, f"{type(error).__name__}: {error}")
        return
    if stated != before:
        text = f"it continues {str(stated)[:12]}…, and its predecessor is {before[:12]}…"
        yield Finding("chain_broken", where, text)
    if key.decode(errors="replace") != subject:
        yield Finding("undecodable", where, "its key is not its subject")
    yield event
