"""Where to begin: now, at the first record, at positions, or at an instant."""

from collections.abc import Sequence

from ledger.domain import codes
from ledger.domain.rejections import Rejected
from ledger.events.decoding import Codec
from ledger.log import EventLog
from ledger.replay.reading import first_counting
from ops.console import CommandError
from projections.positions import InvalidPosition, parse_positions

NOW, START = "now", "start"


async def places(log: EventLog, text: str, partitions: Sequence[int]) -> dict[int, int]:
    """The offset to begin at, for each partition.

    Raises CommandError for what is no place, or lies beyond the end of the log.
    """
    ends = {partition: await log.end(partition) for partition in partitions}
    if text == NOW:
        return ends
    if text == START:
        return dict.fromkeys(partitions, 0)
    instant = codes.instant(text)
    if not isinstance(instant, Rejected):
        # Rounded up: a record of a millisecond lies at or after the instant, or before it.
        recorded_ms = -(-instant // 1000)
        return {one: await _first_at(log, one, recorded_ms, end) for one, end in ends.items()}
    return _positions(text, ends, log.partitions)


def _positions(text: str, ends: dict[int, int], partitions: int) -> dict[int, int]:
    """The positions named; of the others what comes from now on."""
    try:
        wanted = parse_positions(text)
    except InvalidPosition as error:
        raise CommandError(
            f"{text} is no place to begin: {error}, or now, start, or an instant such as "
            "2026-11-22T10:00:00Z"
        ) from None
    for partition, offset in wanted.items():
        if partition >= partitions:
            raise CommandError(f"there is no partition {partition}; 0 to {partitions - 1}")
        if partition not in ends:
            raise CommandError(f"--from names partition {partition}, which is not followed")
        if offset > ends[partition]:
            raise CommandError(
                f"{partition}:{offset} is not written; the partition ends at {ends[partition]}"
            )
    return {**ends, **wanted}


async def _first_at(log: EventLog, partition: int, recorded_ms: int, end: int) -> int:
    """The offset of the first counting record of that time or later, by halves.

    The time of recording never decreases within a partition.
    """
    codec = Codec()
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        found = await first_counting(log, partition, middle, high)
        if found is None or codec.decode(found)[1].recorded_ms >= recorded_ms:
            high = middle
        else:
            low = found.offset + 1
    return low
