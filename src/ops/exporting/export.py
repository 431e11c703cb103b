"""A range of the log, checked along its chain, as files and their manifest."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass
from pathlib import Path

from ledger.domain import codes
from ledger.domain.facts import Opened
from ledger.errors import LogUnavailable, WrongLedger
from ledger.events.decoding import Codec
from ledger.events.partitioner import Partitioner
from ledger.log import EventLog
from ledger.replay.reading import LogDamaged, ends, first_counting, is_damage, read_records
from ops.console import CommandError
from ops.exporting.bounds import Bound, Span, head_before, narrowed, positions_of
from ops.exporting.files import OutputFile, staged
from ops.exporting.manifest import FORMAT, NAME, VERSION, Encoding, File, Manifest, Range
from ops.exporting.sinks import Sink, open_sink

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to export and where to. `first` and `last` are both included; `partitions` are all
    where there is none."""

    folder: Path
    encoding: Encoding = "ndjson"
    first: Bound | None = None
    last: Bound | None = None
    partitions: Sequence[int] = ()
    sku: str | None = None


def nothing(_done: int, _total: int) -> None:
    """Progress that nobody hears of."""


async def export(log: EventLog, order: Order, progress: Progress = nothing) -> Manifest:
    """Write an export of an open log, whole or not at all.

    Raises CommandError for an order that fits no record, and what reading the log raises.
    """
    try:
        return await _export(log, order, progress)
    except LogUnavailable as error:
        if is_damage(error):
            raise LogDamaged(str(error)) from error
        raise


async def _export(log: EventLog, order: Order, progress: Progress) -> Manifest:
    until = await ends(log, _partitions(order, log.partitions))
    opened = await _opened(log, until)
    spans = [
        await narrowed(log, Span(partition, 0, end), order.first, order.last)
        for partition, end in until.items()
    ]
    with staged(order.folder) as folder:
        with closing(open_sink(order.encoding, folder, order.sku)) as sink:
            tally = _Tally(progress, sum(one.until - one.start for one in spans))
            ranges = [await _write(log, one, sink, tally) for one in spans]
            _refuse_nothing(order, ranges)
            manifest = _manifest(order, opened, ranges, sink.finish())
        with closing(OutputFile(folder / NAME)) as file:
            file.write(manifest.encoded(), 0)
            file.finish()
    return manifest


def _refuse_nothing(order: Order, ranges: Sequence[Range]) -> None:
    """Raises CommandError for an order that fits no record."""
    if not any(one.counting for one in ranges):
        raise CommandError("nothing was recorded in that range")
    if order.sku is not None and not any(one.rows for one in ranges):
        raise CommandError(f"nothing of the SKU {order.sku} was recorded in that range")


class _Tally:
    """How far all of it is."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, offsets: int) -> None:
        self._done += offsets
        self._progress(self._done, self._total)


async def _write(log: EventLog, one: Span, sink: Sink, tally: _Tally) -> Range:
    """Write one range. Raises what reading raises, and what its sink raises."""
    partition, start, until = one
    from_head = await head_before(log, one)
    sink.begin(partition, from_head)
    counting = rows = 0
    position = start
    async with aclosing(read_records(log, partition, start=start, until=until)) as slices:
        async for records in slices:
            counted = [record for record in records if record.stated == record.offset]
            counting += len(counted)
            rows += sink.take(counted)
            tally.add(records[-1].offset + 1 - position)
            position = records[-1].offset + 1
    return Range(
        partition=partition,
        from_offset=start,
        until_offset=until,
        from_head=from_head,
        until_head=sink.head,
        counting=counting,
        void=until - start - counting,
        rows=rows,
    )


def _partitions(order: Order, count: int) -> list[int]:
    """Those that are asked for, in their order. Raises CommandError."""
    named = positions_of(order.first, order.last)
    wrong = sorted(one for one in named | {*order.partitions} if not 0 <= one < count)
    if wrong:
        raise CommandError(f"there is no partition {wrong[0]}: the log has {count}, from 0 on")
    chosen = sorted(order.partitions) or list(range(count))
    if order.sku is not None:
        if (rejected := codes.check_sku(order.sku)) is not None:
            raise CommandError(f"--sku: {rejected.detail}")
        own = Partitioner(count).partition_of(order.sku)
        if own not in chosen:
            raise CommandError(f"the SKU {order.sku} lies in partition {own}")
        chosen = [own]
    outside = sorted(named.difference(chosen))
    if outside:
        raise CommandError(f"a position of partition {outside[0]} is given, and it is not exported")
    return chosen


async def _opened(log: EventLog, until: Mapping[int, int]) -> Opened:
    """The first record of each partition: all of one ledger. Raises WrongLedger."""
    found: Opened | None = None
    for partition, end in until.items():
        record = await first_counting(log, partition, 0, min(end, 1))
        fact = None if record is None else Codec().decode(record)[1]
        if not isinstance(fact, Opened) or fact.offset != 0:
            raise WrongLedger(f"partition {partition} does not begin with ledger.opened")
        if found is not None and fact.ledger_id != found.ledger_id:
            raise WrongLedger(
                f"partition {partition} belongs to ledger {fact.ledger_id}, partition "
                f"{found.partition} to {found.ledger_id}"
            )
        found = found or fact
    assert found is not None
    return found


def _manifest(
    order: Order, opened: Opened, ranges: Sequence[Range], files: Sequence[File]
) -> Manifest:
    # A partition that had not been opened yet makes no ledger.
    whole = len(ranges) == opened.partitions and all(
        one.from_offset == 0 < one.until_offset for one in ranges
    )
    return Manifest(
        format=FORMAT,
        version=VERSION,
        contents="log" if order.encoding == "ndjson" else "movements",
        encoding=order.encoding,
        ledger_id=opened.ledger_id,
        partitions=opened.partitions,
        partitioner=opened.partitioner,
        currency=opened.currency,
        complete=whole and order.encoding == "ndjson" and order.sku is None,
        sku=order.sku,
        ranges=tuple(ranges),
        files=tuple(files),
    )
