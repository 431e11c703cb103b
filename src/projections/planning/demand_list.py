"""The demand of one SKU, day by day, as callers see it."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import select, union_all

from ledger.domain.quantities import COST_SCALE, text
from ledger.errors import LedgerError
from projections import cursors
from projections.cursors import InvalidCursor
from projections.database import ReadConnection, storable
from projections.planning.columns import COLUMNS
from projections.planning.days import Days
from projections.planning.demand_rules import MEASURES
from projections.planning.reading import Wanted, read_days, read_upto
from projections.planning.stock_outs import rows_without_stock
from projections.tables import items, sku_totals

_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
_HAPPENED: Final = tuple(name for name in COLUMNS if not name.endswith("_net"))
_NOTHING: Final = {name: 0 if MEASURES[name] == "line" else "0" for name in _HAPPENED}


class DemandTooLargeError(LedgerError):
    """The numbers of the SKU are too large to be added up."""


class DemandFilter(NamedTuple):
    """Whose demand: of a SKU in its partition, at one site or all, from one day until another."""

    sku: str
    partition: int
    site: str | None = None
    first_day: int | None = None
    until_day: int | None = None


class _Place(NamedTuple):
    """Where a page begins: at a position of the log, with a site and a day."""

    position: int
    site: str
    day: int


def day_of(text_of_day: str) -> int:
    """Days since 1970-01-01 of a date such as 2026-11-22. Raises ValueError."""
    found = date.fromisoformat(text_of_day)
    if found.isoformat() != text_of_day:
        raise ValueError("not in the form year-month-day")
    return found.toordinal() - _EPOCH_ORDINAL


async def list_demand(
    reader: ReadConnection, wanted: DemandFilter, *, limit: int, cursor: str | None = None
) -> dict[str, Any] | None:
    """A page of days in the order of (site, day), and the position that all pages are read at.

    Every day is listed from the first on which something was there; the last is the one before
    `until_day`, or that of the last movement. None for a SKU never seen. Raises InvalidCursor
    and DemandTooLargeError.
    """
    if not storable(wanted.sku, wanted.site):
        return None
    place = await _first_place(reader, wanted.partition, cursor)
    days = await read_days(
        reader,
        {wanted.partition: place.position},
        Wanted(skus={wanted.sku}, site=wanted.site, until_day=wanted.until_day),
    )
    if wanted.sku in days.left_out:
        raise DemandTooLargeError(f"numbers of the SKU {wanted.sku} add up beyond 64 bits")
    if not len(days) and not await _known(reader, wanted.sku):
        return None
    rows = list(islice(_rows(days, wanted, place), limit + 1))
    next_cursor = None
    if len(rows) > limit:
        last = rows.pop()
        next_cursor = cursors.encode(place.position, last["site"], day_of(last["date"]))
    return {
        "items": rows,
        "next_cursor": next_cursor,
        "as_of_position": {str(wanted.partition): place.position - 1} if place.position else {},
    }


async def _first_place(reader: ReadConnection, partition: int, cursor: str | None) -> _Place:
    end = (await read_upto(reader)).get(partition, 0)
    if cursor is None:
        return _Place(end, "", -(2**31))
    place = _Place(*cursors.decode(cursor, int, str, int))
    if not 0 <= place.position <= end:
        raise InvalidCursor("the cursor belongs to another ledger")
    return place


async def _known(reader: ReadConnection, sku: str) -> bool:
    tables = (items.c.sku, sku_totals.c.sku)
    query = union_all(*(select(column).where(column == sku) for column in tables))
    return await reader.first(query) is not None


def _rows(days: Days, wanted: DemandFilter, place: _Place) -> Iterator[dict[str, Any]]:
    balances = {
        "on_hand": days.balances("on_hand_net").tolist(),
        "available": days.balances("available_net").tolist(),
    }
    without_stock = rows_without_stock(days).tolist()
    for index, site in enumerate(days.sites):
        rows = range(int(days.starts[index]), int(days.starts[index + 1]))
        first = place.day if site == place.site else -(2**31)
        if site < place.site or not rows:
            continue
        if wanted.first_day is not None:
            first = max(first, wanted.first_day)
        until = int(days.day[rows[-1]]) + 1 if wanted.until_day is None else wanted.until_day
        scale = int(days.scales[index])
        for row, day in _every_day(days, rows, first, until):
            happened = int(days.day[row]) == day
            available = balances["available"][row]
            yield {
                "site": site,
                "date": date.fromordinal(day + _EPOCH_ORDINAL).isoformat(),
                **(_amounts(days, row, scale) if happened else _NOTHING),
                **{name: text(of_rows[row], scale) for name, of_rows in balances.items()},
                "stock_out": without_stock[row] if happened else available <= 0,
            }


def _every_day(days: Days, rows: range, first: int, until: int) -> Iterator[tuple[int, int]]:
    """Each day with the last row at or before it."""
    for row in rows:
        day = int(days.day[row])
        following = int(days.day[row + 1]) if row + 1 in rows else until
        for one in range(max(day, first), min(following, until)):
            yield row, one


def _amounts(days: Days, row: int, scale: int) -> Mapping[str, str | int]:
    return {name: _amount(name, int(days.columns[name][row]), scale) for name in _HAPPENED}


def _amount(name: str, amount: int, scale: int) -> str | int:
    what = MEASURES[name]
    if what == "line":
        return amount
    return text(amount, scale if what == "quantity" else COST_SCALE)
