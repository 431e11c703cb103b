"""Whether the topic of levels says what the view of stock says."""

from collections.abc import AsyncIterator, Iterator
from typing import NamedTuple

from sqlalchemy import RowMapping, select, tuple_

from ledger.domain.stock import AVAILABLE
from ledger.log import EventLog
from projections.database import ReadConnection
from projections.positions import read_positions
from projections.publishers.level_keys import site_level_key, site_of, stock_level_key
from projections.publishers.level_state import Level
from projections.publishers.level_topic import read_topic
from projections.tables import stock

ROWS_AT_A_TIME = 10_000

_s = stock.c
_KEY = (_s.sku, _s.account, _s.lot, _s.status)


class Difference(NamedTuple):
    """A key of which the topic and the view say different things; None means nothing is there.

    Quantities are scaled by the SKU's scale; `last` is the level that compaction leaves.
    """

    key: str
    in_topic: int | None
    in_stock: int | None
    why: str


class Comparison(NamedTuple):
    """What was found, and how many keys could not be compared: they changed meanwhile."""

    differences: list[Difference]
    compared: int
    moving: int


async def compare_levels(topic: EventLog, reader: ReadConnection, partition: int) -> Comparison:
    """Hold one partition of the topic against the view, key by key, sites included.

    Both are read as far as they are. A key that one of them has seen change since the place where
    the other one is cannot be compared, and is counted. Raises LogUnavailable, LogRegressed,
    DatabaseUnavailable.
    """
    found = await read_topic(topic, partition)
    told_until = 0 if found.mark is None else found.mark.position
    shown_until = (await read_positions(reader)).get(partition, 0)
    shown = await _shown(reader, partition)
    until = min(told_until, shown_until)
    differences: list[Difference] = []
    compared = moving = 0
    for key in sorted(found.found.keys() | shown.keys()):
        told, held = found.found.get(key), shown.get(key)
        if any(one is not None and one.offset >= until for one in (told, held)):
            moving += 1
            continue
        compared += 1
        differences += _differences(key, told, held, spoilt=key in found.spoilt)
    return Comparison(differences, compared, moving)


def _differences(
    key: bytes, told: Level | None, held: Level | None, *, spoilt: bool
) -> Iterator[Difference]:
    in_topic = (told.on_hand or None) if told else None
    in_stock = (held.on_hand or None) if held else None
    name = key.decode()
    if in_topic != in_stock:
        yield Difference(name, in_topic, in_stock, "on_hand")
    elif told and held and told.on_hand and told.available != held.available:
        yield Difference(name, told.available, held.available, "available")
    elif told and held and told.on_hand and told.offset != held.offset:
        yield Difference(name, told.offset, held.offset, "position")
    if spoilt:
        yield Difference(name, in_topic, in_stock, "an older record lies after the newest one")


async def _shown(reader: ReadConnection, partition: int) -> dict[bytes, Level]:
    """The levels that the view has, sites summed."""
    shown: dict[bytes, Level] = {}
    async for row in _rows(reader, partition):
        level = Level(
            row["on_hand"],
            row["on_hand"] if row["status"] == AVAILABLE else 0,
            row["scale"],
            row["log_offset"],
            0,
        )
        key = stock_level_key(row["sku"], row["account"], row["lot"] or None, row["status"])
        shown[key] = level
        site = site_level_key(row["sku"], site_of(row["account"]))
        before = shown.get(site, Level(0, 0, 0, -1, 0))
        shown[site] = Level(
            before.on_hand + level.on_hand,
            before.available + level.available,
            level.scale,
            max(before.offset, level.offset),
            0,
        )
    return shown


async def _rows(reader: ReadConnection, partition: int) -> AsyncIterator[RowMapping]:
    # Only real accounts have a status.
    query = select(stock).where(_s.partition == partition, _s.status != "")
    query = query.order_by(*_KEY).limit(ROWS_AT_A_TIME)
    rows = await reader.all(query)
    while rows:
        for row in rows:
            yield row
        last = rows[-1]
        beyond = tuple_(*_KEY) > tuple_(*(last[column.name] for column in _KEY))
        rows = await reader.all(query.where(beyond)) if len(rows) == ROWS_AT_A_TIME else []
