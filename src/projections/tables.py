"""The tables of the read models, for PostgreSQL and SQLite alike.

Quantities are integers scaled by the SKU's `scale`, values are millionths of the currency.
`log_offset` is the offset of a record in its partition. Texts are compared by their UTF-8 bytes on
both databases, so that lists and path prefixes agree.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, SmallInteger, Table
from sqlalchemy.schema import SchemaItem

from projections.planning.columns import COLUMNS, REASON_COLUMNS
from projections.supply_tables import supply_changes as supply_changes
from projections.supply_tables import supply_orders as supply_orders
from projections.supply_tables import supply_receipts as supply_receipts
from projections.table_parts import index as _index
from projections.table_parts import last_position as _last_position
from projections.table_parts import metadata as metadata
from projections.table_parts import number as _number
from projections.table_parts import position as _position
from projections.table_parts import scale as _scale
from projections.table_parts import text as _text

# A virtual account may pass the 64 bits that real ones are kept in: goods come and go for ever.
# `on_hand` stays inside ±OVERFLOW_UNIT and `overflows` counts how often it was passed. The sum of
# two numbers inside the unit fits 64 bits; a real account (at most 10^18) never overflows.
OVERFLOW_UNIT = 4 * 10**18

# How far each group of views has read each partition. `position` is the offset of the next record
# to read, `head` the hash of the last counting record before it, which lies at `head_offset`.
view_positions = Table(
    "view_positions",
    metadata,
    _text("view_group", key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    _text("ledger_id"),
    _number("position"),
    _text("head"),
    _number("head_offset"),
)

# One row a movement. `source` and `target` are locations or virtual accounts; the status is null
# where the account is virtual. `command` is the command as the log has it, so that the fact can be
# given back exactly. `reversed_by` is the offset of the reversal, in the same partition.
movements = Table(
    "movements",
    metadata,
    *_position(),
    _number("recorded_ms"),
    _number("occurred_us"),
    _number("quantity"),
    _number("source_after"),
    _number("target_after"),
    _number("value"),
    _scale(),
    Column("late", Boolean, nullable=False),
    _text("type"),
    _text("cost_basis"),
    _text("actor", null=True),
    _text("trail", null=True),
    _text("source"),
    _text("source_status", null=True),
    _text("target"),
    _text("target_status", null=True),
    _text("lot", null=True),
    _text("sku"),
    _text("id"),
    _text("reference_type", null=True),
    _text("reference_id", null=True),
    _text("reason", null=True),
    _text("command"),
    _text("reverses", null=True),
    _number("reverses_offset", null=True),
    _number("reversed_by", null=True),
)

# A command that the state refused: demand that was not met, and an id that stays refused.
refusals = Table(
    "refusals",
    metadata,
    *_position(),
    _number("recorded_ms"),
    _text("id"),
    _text("sku"),
    _text("type"),
    _text("fingerprint"),
    _text("code"),
    _text("detail"),
    _text("numbers"),
    _text("quantity", null=True),
    _text("location", null=True),
    _text("actor", null=True),
    _text("trail", null=True),
)

# A record that lies in the log and does not count: no history, but an audit asks for it. `stated`
# is null where the record states no offset. What the record would have been is null where it cannot
# be read; `recorded_ms` is the time that the log gave it.
void_records = Table(
    "void_records",
    metadata,
    *_position(),
    _number("stated", null=True),
    _number("recorded_ms"),
    _text("sku"),
    _text("type", null=True),
    _text("id", null=True),
    _text("actor", null=True),
    _text("quantity", null=True),
    _text("source", null=True),
    _text("target", null=True),
    _text("lot", null=True),
    _text("status", null=True),
)

# One row an account: a stock key (sku, location, lot, status) or a virtual account. No lot, and
# the status of a virtual account, is the empty text, since a key cannot be null. The rows of one
# SKU sum to zero, always.
stock = Table(
    "stock",
    metadata,
    _text("sku", key=True),
    _text("account", key=True),
    _text("lot", key=True),
    _text("status", key=True),
    _scale(),
    _number("on_hand"),
    Column("overflows", BigInteger, nullable=False, server_default="0"),
    *_last_position(),
    # Room for the next version of a row beside it, so that an update touches no index.
    postgresql_with={"fillfactor": 70},
)

# What the real accounts of a SKU add up to.
sku_totals = Table(
    "sku_totals",
    metadata,
    _text("sku", key=True),
    _scale(),
    _number("on_hand"),
    _number("unavailable"),
    _number("value"),
    *_last_position(),
    postgresql_with={"fillfactor": 70},
)

# The description of a SKU that holds now, and every description it ever had.
items = Table(
    "items",
    metadata,
    _text("sku", key=True),
    _scale(),
    _text("document"),
    _number("recorded_ms"),
    *_last_position(),
)
item_definitions = Table(
    "item_definitions",
    metadata,
    *_position(),
    _number("recorded_ms"),
    _text("id"),
    _text("sku"),
    _text("document"),
    _text("actor", null=True),
    _text("trail", null=True),
)

# What became of a SKU at a site on a day. A **series** is a SKU at a site, and its number here is
# of no meaning elsewhere. NULL stands for zero, so that a row costs only what happened. Of sums too
# large for a row the multiples of 10^power are in the row of that power (planning/demand_rules.py).
sku_sites = Table(
    "sku_sites",
    metadata,
    Column("series", Integer, primary_key=True),
    _text("sku"),
    _text("site"),
    Column("partition", Integer, nullable=False),
)


def _series_day() -> list[SchemaItem]:
    return [
        Column("series", Integer, primary_key=True, autoincrement=False),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("scale", SmallInteger, primary_key=True, autoincrement=False),
        Column("power", SmallInteger, primary_key=True, autoincrement=False),
    ]


sku_days = Table(
    "sku_days",
    metadata,
    *_series_day(),
    _number("entries"),
    *(_number(name, null=True) for name in COLUMNS),
    sqlite_with_rowid=False,
)
reason_days = Table(
    "reason_days",
    metadata,
    *_series_day(),
    _text("type", key=True),
    _text("reason", key=True),
    _number("entries"),
    *(_number(name, null=True) for name in REASON_COLUMNS),
    sqlite_with_rowid=False,
)


# Each filter of the movement list has an index that also gives the order of the list. Offset and
# partition are left out: they only order records of the same millisecond, which costs little to
# do afterwards and much to keep in every index. All these may be made after loading; no answer
# depends on them, only its speed.
_m = movements.c
MOVEMENTS_BY_ID = _index("movements_by_id", _m.id)
DEFERRED_INDEXES = (
    # Those that take longest first, since several are made at a time.
    _index("movements_by_sku", _m.sku, _m.recorded_ms),
    _index("movements_by_source", _m.source, _m.recorded_ms, where="source_status IS NOT NULL"),
    _index("movements_by_type", _m.type, _m.recorded_ms),
    MOVEMENTS_BY_ID,
    _index("movements_by_reference", _m.reference_id, where="reference_id IS NOT NULL"),
    _index("movements_by_recorded", _m.recorded_ms),
    _index("movements_by_target", _m.target, _m.recorded_ms, where="target_status IS NOT NULL"),
    _index("movements_by_lot", _m.lot, _m.recorded_ms, where="lot IS NOT NULL"),
    # Movements are recorded about when they occur, so the blocks of the table are nearly in order.
    Index("movements_by_occurred", _m.occurred_us, postgresql_using="brin"),
    _index("stock_by_account", stock.c.account, stock.c.sku, stock.c.lot, stock.c.status),
    _index("stock_by_lot", stock.c.lot, where="lot <> ''"),
)
Index("sku_sites_by_name", sku_sites.c.sku, sku_sites.c.site, unique=True)
_index("refusals_by_id", refusals.c.id)
_index("refusals_by_sku", refusals.c.sku, refusals.c.recorded_ms)
_index("void_records_by_sku", void_records.c.sku, void_records.c.log_offset)
_index("item_definitions_by_id", item_definitions.c.id)
