"""What is available at each site, and the alerts about it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=null)


def upgrade() -> None:
    """Make the tables, empty."""
    op.create_table(
        "site_levels",
        _text("sku"),
        _text("site"),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("scale", sa.SmallInteger(), nullable=False),
        sa.Column("available", sa.BigInteger(), nullable=False),
        _text("stock_out", null=True),
        sa.PrimaryKeyConstraint("sku", "site", name="site_levels_pkey"),
    )
    op.create_table(
        "alerts",
        _text("alert_id"),
        _text("type"),
        _text("sku"),
        _text("site"),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=True),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        _text("ended_by", null=True),
        sa.Column("published", sa.Boolean(), nullable=False),
        _text("document"),
        sa.PrimaryKeyConstraint("alert_id", name="alerts_pkey"),
    )
    op.create_index("alerts_by_raised", "alerts", ["raised_ms", "alert_id"])
    op.create_index("alerts_by_sku", "alerts", ["sku", "raised_ms", "alert_id"])
    _partial("alerts_active", ["sku", "site", "type"], "active", unique=True)
    _partial("alerts_unpublished", ["partition", "raised_ms"], "NOT published")


def _partial(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(
        name,
        "alerts",
        columns,
        unique=unique,
        postgresql_where=condition,
        sqlite_where=condition,
    )


def downgrade() -> None:
    """Drop the tables, and forget how far they were."""
    op.execute("DELETE FROM view_positions WHERE view_group IN ('alerts', 'planning events')")
    op.drop_table("alerts")
    op.drop_table("site_levels")
