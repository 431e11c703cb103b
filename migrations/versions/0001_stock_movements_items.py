"""Stock, movements, refusals and items, with the positions they are read to."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _partition() -> sa.Column[int]:
    return sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False)


def _scale() -> sa.Column[int]:
    return sa.Column("scale", sa.SmallInteger(), nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"{table}_pkey")


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(name, table, columns, postgresql_where=condition, sqlite_where=condition)


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "view_positions",
        _text("view_group"),
        _partition(),
        _text("ledger_id"),
        _number("position"),
        _text("head"),
        _number("head_offset"),
        _key("view_positions", "view_group", "partition"),
    )
    _make_movements()
    _make_refusals()
    _make_stock()
    _make_items()


def _make_movements() -> None:
    op.create_table(
        "movements",
        _partition(),
        _number("log_offset"),
        _number("recorded_ms"),
        _number("occurred_us"),
        _number("quantity"),
        _number("source_after"),
        _number("target_after"),
        _number("value"),
        _scale(),
        sa.Column("late", sa.Boolean(), nullable=False),
        _text("type"),
        _text("cost_basis"),
        _text("actor", null=True),
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
        _key("movements", "partition", "log_offset"),
    )
    _index("movements_by_id", "movements", ["id"])
    _index("movements_by_recorded", "movements", ["recorded_ms"])
    _index("movements_by_sku", "movements", ["sku", "recorded_ms"])
    for side in ("source", "target"):
        condition = f"{side}_status IS NOT NULL"
        _index(f"movements_by_{side}", "movements", [side, "recorded_ms"], condition)
    _index("movements_by_lot", "movements", ["lot", "recorded_ms"], "lot IS NOT NULL")
    _index("movements_by_reference", "movements", ["reference_id"], "reference_id IS NOT NULL")
    _index("movements_by_type", "movements", ["type", "recorded_ms"])
    op.create_index("movements_by_occurred", "movements", ["occurred_us"], postgresql_using="brin")


def _make_refusals() -> None:
    op.create_table(
        "refusals",
        _partition(),
        _number("log_offset"),
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
        _key("refusals", "partition", "log_offset"),
    )
    _index("refusals_by_id", "refusals", ["id"])
    _index("refusals_by_sku", "refusals", ["sku", "recorded_ms"])


def _make_stock() -> None:
    op.create_table(
        "stock",
        _text("sku"),
        _text("account"),
        _text("lot"),
        _text("status"),
        _scale(),
        _number("on_hand"),
        sa.Column("overflows", sa.BigInteger(), server_default="0", nullable=False),
        _partition(),
        _number("log_offset"),
        _key("stock", "sku", "account", "lot", "status"),
        postgresql_with={"fillfactor": 70},
    )
    _index("stock_by_account", "stock", ["account", "sku", "lot", "status"])
    _index("stock_by_lot", "stock", ["lot"], "lot <> ''")
    op.create_table(
        "sku_totals",
        _text("sku"),
        _scale(),
        _number("on_hand"),
        _number("unavailable"),
        _number("value"),
        _partition(),
        _number("log_offset"),
        _key("sku_totals", "sku"),
        postgresql_with={"fillfactor": 70},
    )


def _make_items() -> None:
    op.create_table(
        "items",
        _text("sku"),
        _scale(),
        _text("document"),
        _number("recorded_ms"),
        _partition(),
        _number("log_offset"),
        _key("items", "sku"),
    )
    op.create_table(
        "item_definitions",
        _partition(),
        _number("log_offset"),
        _number("recorded_ms"),
        _text("id"),
        _text("sku"),
        _text("document"),
        _text("actor", null=True),
        _key("item_definitions", "partition", "log_offset"),
    )
    _index("item_definitions_by_id", "item_definitions", ["id"])


def downgrade() -> None:
    """Drop all tables. Nothing is lost: the log has it all."""
    for table in (
        "item_definitions",
        "items",
        "sku_totals",
        "stock",
        "refusals",
        "movements",
        "view_positions",
    ):
        op.drop_table(table)
