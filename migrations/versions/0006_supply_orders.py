"""Supply orders: lines, what changed them, what came of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _make(table: str, *columns: sa.Column[str] | sa.Column[int]) -> None:
    op.create_table(
        table,
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        _number("log_offset"),
        *columns,
        sa.PrimaryKeyConstraint("partition", "log_offset", name=f"{table}_pkey"),
    )


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)


def upgrade() -> None:
    """Make the tables. No log that was not raised to their level has anything for them."""
    _make_orders()
    _make(
        "supply_changes",
        _number("order_offset"),
        _number("recorded_ms"),
        _text("kind"),
        _text("id"),
        _text("sku"),
        _number("quantity"),
        _number("expected_us", null=True),
        _text("close_reason", null=True),
        _text("actor", null=True),
    )
    _index("supply_changes_by_id", "supply_changes", ["id"])
    _index("supply_changes_by_order", "supply_changes", ["partition", "order_offset"])
    _make(
        "supply_receipts",
        _number("order_offset"),
        _number("recorded_ms"),
        _number("occurred_us"),
        _number("quantity"),
        sa.Column("scale", sa.SmallInteger(), nullable=False),
        _text("sku"),
        _number("reverses_offset", null=True),
    )
    _index("supply_receipts_by_order", "supply_receipts", ["partition", "order_offset"])


def _make_orders() -> None:
    _make(
        "supply_orders",
        _number("recorded_ms"),
        _number("placed_us"),
        _number("expected_us"),
        _number("quantity"),
        _number("received"),
        sa.Column("scale", sa.SmallInteger(), nullable=False),
        _text("state"),
        _text("id"),
        _text("sku"),
        _text("supplier"),
        _text("location"),
        _text("order_number", null=True),
        _number("unit_cost", null=True),
        _text("note", null=True),
        _text("actor", null=True),
        _text("close_reason", null=True),
        _number("closed_ms", null=True),
        _number("first_received_us", null=True),
        _number("last_received_us", null=True),
        _number("changed_offset"),
    )
    _index("supply_orders_by_recorded", "supply_orders", ["recorded_ms"])
    _index("supply_orders_by_id", "supply_orders", ["id"])
    for name in ("sku", "supplier", "location"):
        _index(f"supply_orders_by_{name}", "supply_orders", [name, "recorded_ms"])
    _index("supply_orders_by_number", "supply_orders", ["order_number"], "order_number IS NOT NULL")
    _index("supply_orders_open", "supply_orders", ["sku"], "state = 'open'")


def downgrade() -> None:
    """Drop the tables. Nothing is lost: the log has it all."""
    for table in ("supply_receipts", "supply_changes", "supply_orders"):
        op.drop_table(table)
