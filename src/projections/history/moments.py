"""Moments: which movements count, by the clock on which they occurred and by that of recording.

Times of recording never decrease in a partition, so what was known at an instant is the beginning
of each partition up to some offset. That offset is all that is left of the second clock here.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, false, or_, select, text, tuple_

from projections.checkpoints import VIEW_GROUP
from projections.database import ReadConnection
from projections.positions import read_positions
from projections.tables import movements, view_positions

_m = movements.c
_p = view_positions.c


class Moment(NamedTuple):
    """Which movements count.

    Those of partition p below the offset `until[p]`, and none of another partition. Of these, where
    `before` is not None, only those whose (`occurred_us`, offset) is less.
    """

    until: Mapping[int, int]
    before: tuple[int, int] | None = None

    @property
    def as_of_position(self) -> dict[str, int]:
        """By partition the offset of the last record that may count; -1 where none does."""
        return {str(one): end - 1 for one, end in sorted(self.until.items())}

    def knows(self, partition: int, offset: int) -> bool:
        """Whether a record may count, as far as recording goes."""
        return offset < self.until.get(partition, 0)


async def resolve(
    reader: ReadConnection,
    *,
    as_of_us: int | None = None,
    as_known_at_ms: int | None = None,
    positions: Mapping[int, int] | None = None,
    partitions: Iterable[int] | None = None,
) -> Moment:
    """The moment of these instants and positions, each included; None means no bound.

    `as_of_us` is when movements occurred at the latest, `as_known_at_ms` when they were recorded;
    `positions` has the last offset of each partition that it names. Nothing counts that the views
    have not read. With `partitions` the moment speaks of these alone.
    """
    until = await read_positions(reader)
    if partitions is not None:
        until = {one: until[one] for one in partitions if one in until}
    for partition, offset in (positions or {}).items():
        if partition in until:
            until[partition] = min(until[partition], offset + 1)
    if as_known_at_ms is not None:
        for partition, end in until.items():
            until[partition] = await _known_until(reader, partition, end, as_known_at_ms)
    return Moment(until, None if as_of_us is None else (as_of_us + 1, 0))


async def _known_until(reader: ReadConnection, partition: int, end: int, recorded_ms: int) -> int:
    """The offset behind the partition's last movement before `end` that was recorded by then."""
    values = {"partition": partition, "until": end, "recorded_ms": recorded_ms}
    row = await reader.first(_SEARCH, values)
    return 0 if row is None else int(row["low"])


# Times of recording never decrease from one offset to the next, so halving finds it with a few
# look-ups of the key, also where a partition has little or nothing. What lies below `low` was
# recorded by then, what lies at `high` or above was not.
_AT_OR_BEHIND_THE_MIDDLE: Final = """
FROM movements WHERE partition = :partition
    AND log_offset >= (low + high) / 2 AND log_offset < high ORDER BY log_offset LIMIT 1
"""
_SEARCH: Final = text(f"""
WITH RECURSIVE search (low, high) AS (
    SELECT CAST(0 AS bigint), CAST(:until AS bigint)
    UNION ALL
    SELECT
        CASE WHEN (SELECT recorded_ms {_AT_OR_BEHIND_THE_MIDDLE}) <= :recorded_ms
            THEN (SELECT log_offset + 1 {_AT_OR_BEHIND_THE_MIDDLE}) ELSE low END,
        CASE WHEN (SELECT recorded_ms {_AT_OR_BEHIND_THE_MIDDLE}) <= :recorded_ms
            THEN high ELSE (low + high) / 2 END
    FROM search WHERE low < high
) SELECT low FROM search WHERE low = high
""")  # noqa: S608 - texts of this file alone


async def settled(reader: ReadConnection, as_known_at_ms: int) -> set[int]:
    """The partitions of which the views have a movement that was recorded later.

    Of these the views have everything that was recorded by then. Of the others something may still
    be on its way to them.
    """
    newest = (
        select(_m.recorded_ms)
        .where(_m.partition == _p.partition)
        .order_by(_m.log_offset.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(_p.partition, newest.label("recorded_ms")).where(_p.view_group == VIEW_GROUP)
    return {
        row["partition"]
        for row in await reader.all(query)
        if row["recorded_ms"] is not None and row["recorded_ms"] > as_known_at_ms
    }


async def conditions_of(reader: ReadConnection, moment: Moment) -> list[ColumnElement[bool]]:
    """The conditions on `movements` that they count."""
    conditions = [
        or_(
            false(),
            *(
                and_(_m.partition == partition, _m.log_offset < end)
                for partition, end in sorted(moment.until.items())
            ),
        )
    ]
    last_ms = [await recorded_before(reader, *one) for one in sorted(moment.until.items())]
    # It follows from the offsets; it is what the indexes can use.
    conditions.append(_m.recorded_ms <= max((one for one in last_ms if one is not None), default=0))
    if moment.before is not None:
        instant, offset = moment.before
        # Likewise.
        conditions.append(_m.occurred_us <= instant)
        conditions.append(tuple_(_m.occurred_us, _m.log_offset) < tuple_(instant, offset))
    return conditions


async def recorded_before(reader: ReadConnection, partition: int, until: int) -> int | None:
    """When the partition's last movement before an offset was recorded."""
    query = select(_m.recorded_ms).where(_m.partition == partition, _m.log_offset < until)
    row = await reader.first(query.order_by(_m.log_offset.desc()).limit(1))
    return None if row is None else int(row["recorded_ms"])
