"""Where an export begins and ends: instants or positions, as offsets of each partition."""

import re
from collections.abc import Mapping
from contextlib import aclosing
from typing import NamedTuple

import msgspec

from ledger.domain import codes
from ledger.domain.rejections import Rejected
from ledger.errors import UndecodableRecord
from ledger.events.chain import GENESIS, link
from ledger.log import EventLog, Record
from ledger.replay.reading import first_counting, read_records
from ops.console import CommandError

PROBE_RECORDS = 100
_POSITIONS = re.compile(r"\d{1,4}:\d{1,13}(,\d{1,4}:\d{1,13})*", re.ASCII)


class Instant(NamedTuple):
    """A moment of recording, in microseconds since 1970 UTC, and as it was given."""

    microseconds: int
    text: str


# An instant, or offsets by partition.
Bound = Instant | Mapping[int, int]


class Span(NamedTuple):
    """The offsets of one partition from `start` up to before `until`."""

    partition: int
    start: int
    until: int


class _Dated(msgspec.Struct, gc=False):
    """Of an event, only what its place in the log is told by."""

    time: str
    prevhash: str


_decode = msgspec.json.Decoder(_Dated).decode


def parse_bound(name: str, text: str) -> Bound:
    """An RFC 3339 instant, or positions such as `3:17,4:2`. Raises CommandError."""
    if _POSITIONS.fullmatch(text):
        pairs = [pair.split(":") for pair in text.split(",")]
        found = {int(partition): int(offset) for partition, offset in pairs}
        if len(found) < len(pairs):
            raise CommandError(f"{name} {text} names a partition twice")
        return found
    microseconds = codes.instant(text)
    if isinstance(microseconds, Rejected):
        raise CommandError(
            f"{name} {text} is neither an instant such as 2026-11-22T10:00:00Z nor positions such "
            "as 3:17,4:2"
        )
    return Instant(microseconds, text)


def refuse_reversed(first: Bound | None, last: Bound | None) -> None:
    """Raise CommandError where a range would end before it begins.

    An instant and a position are not compared: a partition of which there is nothing between them
    is a partition without news.
    """
    if isinstance(first, Instant) and isinstance(last, Instant):
        if first.microseconds > last.microseconds:
            raise CommandError(f"--from {first.text} lies behind --to {last.text}")
    elif isinstance(first, Mapping) and isinstance(last, Mapping):
        for partition in sorted(first.keys() & last.keys()):
            begin, end = first[partition], last[partition]
            if begin > end:
                raise CommandError(f"--from {partition}:{begin} lies behind --to {partition}:{end}")


def positions_of(*bounds: Bound | None) -> set[int]:
    """The partitions that bounds name."""
    return {
        partition
        for bound in bounds
        if bound is not None and not isinstance(bound, Instant)
        for partition in bound
    }


async def narrowed(log: EventLog, whole: Span, first: Bound | None, last: Bound | None) -> Span:
    """What of a span, which begins at offset 0, lies between two bounds.

    Raises CommandError for a position beyond its end, and what reading the log raises.
    """
    partition, start, until = whole
    if isinstance(first, Instant):
        start = await _offset_at(log, whole, first.microseconds)
    elif first is not None and partition in first:
        start = _existing(whole, first[partition])
    if isinstance(last, Instant):
        until = await _offset_at(log, whole, last.microseconds + 1)
    elif last is not None and partition in last:
        until = _existing(whole, last[partition]) + 1
    return Span(partition, start, max(start, until))


def _existing(whole: Span, offset: int) -> int:
    if offset >= whole.until:
        raise CommandError(
            f"there is no position {whole.partition}:{offset}: partition {whole.partition} ends "
            f"before offset {whole.until}"
        )
    return offset


async def _offset_at(log: EventLog, whole: Span, microseconds: int) -> int:
    """The offset behind the last record that was recorded before an instant.

    Times of recording never decrease within a partition, so the place is found by halving.
    """
    partition, low, high = whole
    while low < high:
        middle = (low + high) // 2
        found = await first_counting(log, partition, middle, high)
        if found is None or _microseconds(partition, found) >= microseconds:
            high = middle
        else:
            low = found.offset + 1
    return low


async def head_before(log: EventLog, span: Span) -> str:
    """The hash of the last counting record before a span. Raises UndecodableRecord."""
    partition, offset, until = span
    if offset == 0:
        return GENESIS
    found = await first_counting(log, partition, offset, until)
    if found is not None:
        return _dated(partition, found).prevhash
    before = await _last_counting(log, partition, offset)
    return GENESIS if before is None else link(partition, before.offset, before.key, before.value)


async def _last_counting(log: EventLog, partition: int, until: int) -> Record | None:
    """The last record that counts before `until`, looked for in steps that grow."""
    start, step = until, PROBE_RECORDS
    while start > 0:
        start, upper, step = max(0, start - step), start, step * 2
        last = None
        async with aclosing(read_records(log, partition, start=start, until=upper)) as slices:
            async for records in slices:
                last = next((one for one in reversed(records) if one.counts), last)
        if last is not None:
            return last
    return None


def _microseconds(partition: int, record: Record) -> int:
    time = _dated(partition, record).time
    microseconds = codes.instant(time)
    if isinstance(microseconds, Rejected):
        raise UndecodableRecord(
            f"partition {partition}, offset {record.offset}: {time} is no instant"
        )
    return microseconds


def _dated(partition: int, record: Record) -> _Dated:
    try:
        return _decode(record.value)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UndecodableRecord(
            f"partition {partition}, offset {record.offset}: {error}"
        ) from error
