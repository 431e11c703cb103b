"""What became of a SKU at a site on a day; filled from the views that are there."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS = (
    "issued", "issue_lines", "issued_value", "returned", "return_lines", "unmet", "unmet_lines",
    "received", "received_value", "supplier_returned", "scrapped", "scrapped_value", "found",
    "found_value", "lost", "lost_value", "moved_in", "moved_out", "on_hand_net", "available_net",
    "value_net",
)  # fmt: skip
REASON_COLUMNS = ("lines", "lost", "lost_value", "found", "found_value")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=False)


def _table(name: str, key: Sequence[sa.Column[str]], columns: Sequence[str]) -> None:
    op.create_table(
        name,
        sa.Column("series", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("scale", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("power", sa.SmallInteger(), autoincrement=False, nullable=False),
        *key,
        sa.Column("entries", sa.BigInteger(), nullable=False),
        *(sa.Column(column, sa.BigInteger(), nullable=True) for column in columns),
        sa.PrimaryKeyConstraint(
            "series", "day", "scale", "power", *(one.name for one in key), name=f"{name}_pkey"
        ),
        sqlite_with_rowid=False,
    )


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "sku_sites",
        sa.Column("series", sa.Integer(), nullable=False),
        _text("sku"),
        _text("site"),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", name="sku_sites_pkey"),
    )
    op.create_index("sku_sites_by_name", "sku_sites", ["sku", "site"], unique=True)
    _table("sku_days", (), COLUMNS)
    _table("reason_days", (_text("type"), _text("reason")), REASON_COLUMNS)


def downgrade() -> None:
    """Drop the tables, and forget how far they were."""
    for table in ("reason_days", "sku_days", "sku_sites"):
        op.drop_table(table)
    op.execute("DELETE FROM view_positions WHERE view_group = 'demand'")
