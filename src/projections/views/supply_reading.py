"""What planning reads of supply orders: as the log was at any position.

`positions` is a map partition → next offset: what lies there or behind it is not known yet.
Partitions that are not in it show nothing. Rows come in the order of (SKU, partition, offset).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, or_, select, true

from projections.database import ReadConnection
from projections.tables import supply_changes, supply_orders, supply_receipts

Positions = Mapping[int, int]
# As many receipts as are taken at once, before others get their turn.
ROWS_AT_A_TIME: Final = 5_000
_o, _c, _r = supply_orders.c, supply_changes.c, supply_receipts.c


class OpenLine(NamedTuple):
    """A line of a supply order that was open. Quantities are scaled by `scale`, instants are
    microseconds since 1970 UTC; `order_offset` is that of its placing."""

    sku: str
    supplier: str
    location: str
    scale: int
    ordered: int
    received: int
    placed_us: int
    expected_us: int
    partition: int
    order_offset: int

    @property
    def outstanding(self) -> int:
        """What was still to come."""
        return max(0, self.ordered - self.received)


class OrderReceipt(NamedTuple):
    """A receipt of a supply order that was not reversed; `received_us` is when it occurred.

    The observed lead time is `received_us - placed_us`.
    """

    sku: str
    supplier: str
    location: str
    scale: int
    quantity: int
    placed_us: int
    received_us: int
    partition: int
    order_offset: int
    log_offset: int


async def open_orders(
    reader: ReadConnection,
    positions: Positions,
    until_us: int | None = None,
    sku: str | None = None,
) -> list[OpenLine]:
    """The lines that were open, whatever was received of them: before an instant, and of one SKU,
    where these are given.

    Orders and receipts may be recorded late and count when they occurred. A change or a closing
    has no other time than that of its record.
    """
    changed, came = list[ColumnElement[bool]](), list[ColumnElement[bool]]()
    if until_us is not None:
        changed = [or_(_c.kind == "placed", _c.recorded_ms * 1000 < until_us)]
        came = [_r.occurred_us < until_us]
    changes = select(
        _c.partition, _c.order_offset, func.max(_c.log_offset).label("log_offset")
    ).where(_before(_c.partition, _c.log_offset, positions), *changed)
    if sku is not None:
        # By the lines of the SKU: an index finds them, and the changes of each.
        of = supply_orders.alias("of_sku").c
        line = and_(of.partition == _c.partition, of.log_offset == _c.order_offset)
        changes = changes.join(of.sku.table, line).where(of.sku == sku)
    newest = changes.group_by(_c.partition, _c.order_offset).subquery()
    received = (
        select(func.coalesce(func.sum(_r.quantity), 0))
        .where(
            _r.partition == _o.partition,
            _r.order_offset == _o.log_offset,
            _before(_r.partition, _r.log_offset, positions),
            *came,
        )
        .scalar_subquery()
    )
    last = supply_changes.alias("last")
    query = (
        select(
            _o.sku,
            _o.supplier,
            _o.location,
            _o.scale,
            last.c.quantity.label("ordered"),
            received.label("received"),
            _o.placed_us,
            last.c.expected_us,
            _o.partition,
            _o.log_offset.label("order_offset"),
        )
        .join(
            newest,
            and_(newest.c.partition == _o.partition, newest.c.order_offset == _o.log_offset),
        )
        .join(
            last,
            and_(
                last.c.partition == newest.c.partition,
                last.c.log_offset == newest.c.log_offset,
                last.c.kind != "closed",
            ),
        )
        .order_by(_o.sku, _o.partition, _o.log_offset)
    )
    rows = await reader.all(query)
    return [OpenLine(**{**row, "received": int(row["received"])}) for row in rows]


async def lead_times(
    reader: ReadConnection, positions: Positions, supplier: str | None = None
) -> list[OrderReceipt]:
    """What came of all lines, open or closed, without what was reversed by then.

    Of the lines of one supplier where it is named.
    """
    # Grouped, so that SQLite makes a table of it with an index. It would read all receipts of the
    # line for each of them.
    back = (
        select(_r.partition, _r.reverses_offset)
        .where(_r.reverses_offset.is_not(None), _before(_r.partition, _r.log_offset, positions))
        .group_by(_r.partition, _r.reverses_offset)
        .subquery()
    )
    query = (
        select(
            _o.sku,
            _o.supplier,
            _o.location,
            _o.scale,
            _r.quantity,
            _o.placed_us,
            _r.occurred_us.label("received_us"),
            _o.partition,
            _r.order_offset,
            _r.log_offset,
        )
        .join(
            supply_receipts,
            and_(_r.partition == _o.partition, _r.order_offset == _o.log_offset),
        )
        .outerjoin(
            back,
            and_(back.c.partition == _r.partition, back.c.reverses_offset == _r.log_offset),
        )
        .where(
            _r.reverses_offset.is_(None),
            _before(_r.partition, _r.log_offset, positions),
            back.c.reverses_offset.is_(None),
            true() if supplier is None else _o.supplier == supplier,
        )
        .order_by(_o.sku, _r.partition, _r.log_offset)
    )
    found: list[OrderReceipt] = []
    async for rows in reader.parts(query, {}, ROWS_AT_A_TIME):
        found += (OrderReceipt(*row) for row in rows)
    return found


def _before(
    partition: ColumnElement[int], offset: ColumnElement[int], positions: Positions
) -> ColumnElement[bool]:
    known = [and_(partition == one, offset < end) for one, end in sorted(positions.items())]
    return or_(false(), *known)
