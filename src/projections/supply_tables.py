"""The tables of supply orders; instants are microseconds since 1970 UTC. See also `tables`."""

from sqlalchemy import Table

from projections.table_parts import index, metadata, number, position, scale, text

# One row a line of a supply order, as it is now: its key is the record of its placing, and
# `changed_offset` the last record that changed it. `received` is what its receipts that were not
# reversed brought, open or closed.
supply_orders = Table(
    "supply_orders",
    metadata,
    *position(),
    number("recorded_ms"),
    number("placed_us"),
    number("expected_us"),
    number("quantity"),
    number("received"),
    scale(),
    text("state"),
    text("id"),
    text("sku"),
    text("supplier"),
    text("location"),
    text("order_number", null=True),
    number("unit_cost", null=True),
    text("note", null=True),
    text("actor", null=True),
    text("close_reason", null=True),
    number("closed_ms", null=True),
    number("first_received_us", null=True),
    number("last_received_us", null=True),
    number("changed_offset"),
)

# One row a record about a line: placed, changed or closed. `quantity` and `expected_us` are those
# of the line afterwards; a close has no `expected_us`.
supply_changes = Table(
    "supply_changes",
    metadata,
    *position(),
    number("order_offset"),
    number("recorded_ms"),
    text("kind"),
    text("id"),
    text("sku"),
    number("quantity"),
    number("expected_us", null=True),
    text("close_reason", null=True),
    text("actor", null=True),
    text("trail", null=True),
)

# One row a receipt that names a line, and one a reversal of it, whose quantity is negative.
supply_receipts = Table(
    "supply_receipts",
    metadata,
    *position(),
    number("order_offset"),
    number("recorded_ms"),
    number("occurred_us"),
    number("quantity"),
    scale(),
    text("sku"),
    number("reverses_offset", null=True),
)

_o = supply_orders.c
index("supply_orders_by_recorded", _o.recorded_ms)
index("supply_orders_by_id", _o.id)
index("supply_orders_by_sku", _o.sku, _o.recorded_ms)
index("supply_orders_by_supplier", _o.supplier, _o.recorded_ms)
index("supply_orders_by_location", _o.location, _o.recorded_ms)
index("supply_orders_by_number", _o.order_number, where="order_number IS NOT NULL")
index("supply_orders_open", _o.sku, where="state = 'open'")
index("supply_changes_by_id", supply_changes.c.id)
index("supply_changes_by_order", supply_changes.c.partition, supply_changes.c.order_offset)
index("supply_receipts_by_order", supply_receipts.c.partition, supply_receipts.c.order_offset)
