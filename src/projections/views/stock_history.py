"""The history of a SKU as callers see it: movements with running balances, newest first."""

from typing import Any, Final, Literal, NamedTuple

from ledger.domain.codes import instant_text
from ledger.domain.quantities import COST_SCALE, text
from projections import cursors
from projections.cursors import Page
from projections.database import ReadConnection, storable
from projections.history.entries import Entry, by_occurrence, by_recording
from projections.history.moments import Moment
from projections.views.stock_as_of import passes
from projections.views.stock_queries import StockFilter

Order = Literal["recorded", "occurred"]
# Of a list of some stock keys alone, so many movements are looked at for one page.
MOVEMENTS_A_PAGE_MAX: Final = 10_000
MOVEMENTS_AT_A_TIME: Final = 500

Document = dict[str, Any]


class Walk(NamedTuple):
    """Going back through history: from which moment, and by which clock."""

    moment: Moment
    order: Order

    async def entries(self, reader: ReadConnection, sku: str, count: int) -> list[Entry]:
        """The last movements that count, the newest first."""
        find = by_recording if self.order == "recorded" else by_occurrence
        return await find(reader, sku, self.moment, count)

    def cursor(self, entry: Entry) -> str:
        """Where a page ended."""
        row = entry.movement
        if self.order == "recorded":
            return cursors.encode(row["partition"], row["log_offset"])
        return cursors.encode(row["partition"], row["log_offset"], row["occurred_us"])

    def from_cursor(self, cursor: str) -> "Walk":
        """What goes on before the movement that the cursor names. Raises InvalidCursor."""
        moment = self.moment
        if self.order == "recorded":
            partition, offset = cursors.decode(cursor, int, int)
            until = {**moment.until, partition: min(moment.until.get(partition, 0), offset)}
            return self._replace(moment=moment._replace(until=until))
        _, offset, occurred_us = cursors.decode(cursor, int, int, int)
        here = occurred_us, offset
        before = here if moment.before is None else min(here, moment.before)
        return self._replace(moment=moment._replace(before=before))


async def list_history(
    reader: ReadConnection,
    wanted: StockFilter,
    walk: Walk,
    *,
    limit: int,
    cursor: str | None = None,
) -> Page:
    """A page of the movements of `wanted.sku` that count, with the balances after each.

    Balances run over all movements that count, in the order of the list. Where the filter names
    stock keys, it is movements of these, and a page may be short, or empty, and not the last.
    Raises InvalidCursor.
    """
    sku, moment = wanted.sku or "", walk.moment
    if cursor is not None:
        walk = walk.from_cursor(cursor)
    if not storable(sku, wanted.location, wanted.lot, wanted.status):
        return Page([], None)
    all_keys = (wanted.location, wanted.lot, wanted.status) == (None, None, None)
    step = limit if all_keys else max(limit, MOVEMENTS_AT_A_TIME)
    items: list[Document] = []
    for _ in range(0, MOVEMENTS_A_PAGE_MAX, step):
        entries = await walk.entries(reader, sku, step + 1)
        for number, entry in enumerate(entries[:step], 1):
            if all_keys or any(passes(change.key, wanted) for change in entry.changes):
                items.append(_document(entry, wanted, moment))
            if len(items) == limit:
                return Page(items, walk.cursor(entry) if number < len(entries) else None)
        if len(entries) <= step:
            return Page(items, None)
        cursor = walk.cursor(entries[step - 1])
        walk = walk.from_cursor(cursor)
    return Page(items, cursor)


def _document(entry: Entry, wanted: StockFilter, moment: Moment) -> Document:
    row, scale = entry.movement, entry.movement["scale"]
    partition, reversal = row["partition"], row["reversed_by"]
    if reversal is not None and not moment.knows(partition, reversal):
        reversal = None  # It was recorded later.
    return {
        "id": row["id"],
        "type": row["type"],
        "occurred_at": instant_text(row["occurred_us"]),
        "recorded_at": instant_text(row["recorded_ms"] * 1000),
        "late": row["late"],
        "position": {"partition": partition, "offset": row["log_offset"]},
        "actor": row["actor"],
        "reason": row["reason"],
        "reference": None
        if row["reference_id"] is None
        else {"type": row["reference_type"], "id": row["reference_id"]},
        "reverses": row["reverses"],
        "reversed_by": None if reversal is None else {"partition": partition, "offset": reversal},
        "from": row["source"],
        "to": row["target"],
        "changes": [
            {
                "location": one.location,
                "lot": one.lot or None,
                "status": one.status,
                "change": text(one.change, scale),
                "balance": text(one.balance, scale),
                "negative": one.balance < 0,
            }
            for one in entry.changes
            if passes(one.key, wanted)
        ],
        "on_hand": text(entry.on_hand, scale),
        "value_change": text(entry.value_change, COST_SCALE),
        "value": text(entry.value, COST_SCALE),
    }
