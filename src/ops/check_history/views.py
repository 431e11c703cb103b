"""The rows of the views, read from their database in one transaction."""

from collections import defaultdict

from sqlalchemy import Table, select

from ops.check_history.accounts import Account
from ops.check_history.amounts import of_scaled
from ops.check_history.checks_state import Balances, LineRow, ViewRows
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, ReadConnection
from projections.tables import (
    OVERFLOW_UNIT,
    movements,
    refusals,
    sku_totals,
    stock,
    supply_orders,
    view_positions,
)


async def read_views(url: str) -> list[ViewRows]:
    """What the views hold, by partition. Raises DatabaseUnavailable, DatabaseUnsupported."""
    database = Database(url, read_only=True)
    await database.open()
    try:
        async with database.reader() as reader:
            return await _read(reader)
    finally:
        await database.close()


async def _read(reader: ReadConnection) -> list[ViewRows]:
    balances: defaultdict[int, dict[str, Balances]] = defaultdict(dict)
    for row in await reader.all(select(stock)):
        amount = row["on_hand"] + row["overflows"] * OVERFLOW_UNIT
        if amount:
            account: Account = row["account"]
            if row["status"]:
                account = (row["account"], row["lot"] or None, row["status"])
            held = balances[row["partition"]].setdefault(row["sku"], {})
            held[account] = of_scaled(amount, row["scale"])
    totals: defaultdict[int, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for row in await reader.all(select(sku_totals)):
        on_hand, unavailable = (
            of_scaled(row[name], row["scale"]) for name in ("on_hand", "unavailable")
        )
        totals[row["partition"]][row["sku"]] = (on_hand, unavailable, row["value"])
    lines: defaultdict[int, dict[str, dict[str, LineRow]]] = defaultdict(dict)
    for row in await reader.all(select(supply_orders)):
        ordered, received = (
            of_scaled(row[name], row["scale"]) for name in ("quantity", "received")
        )
        of_sku = lines[row["partition"]].setdefault(row["sku"], {})
        of_sku[row["id"]] = (row["log_offset"], ordered, received, row["state"] == "open")
    moved, refused = await _ids(reader, movements), await _ids(reader, refusals)
    query = select(view_positions).where(view_positions.c.view_group == VIEW_GROUP)
    return [
        ViewRows(
            row["partition"],
            row["position"],
            row["head"],
            balances[row["partition"]],
            totals[row["partition"]],
            moved[row["partition"]],
            refused[row["partition"]],
            lines[row["partition"]],
        )
        for row in await reader.all(query)
    ]


async def _ids(reader: ReadConnection, table: Table) -> defaultdict[int, dict[int, str]]:
    """Offset to id, by partition."""
    found: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for row in await reader.all(select(table.c.partition, table.c.log_offset, table.c.id)):
        found[row["partition"]][row["log_offset"]] = row["id"]
    return found
