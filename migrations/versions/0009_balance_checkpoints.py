"""Balance checkpoints: blocks of movements in the order in which they occurred."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    """Make the tables, empty: they are filled from the movements that are there."""
    op.create_table(
        "history_skus",
        _text("sku"),
        sa.Column("partition", sa.Integer(), nullable=False),
        _number("counted"),
        _number("blocks"),
        _text("accounts"),
        sa.PrimaryKeyConstraint("sku", name="history_skus_pkey"),
    )
    op.create_table(
        "history_blocks",
        _text("sku"),
        _number("last_offset"),
        _number("last_recorded_ms"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "number", name="history_blocks_pkey"),
    )
    op.create_index("history_blocks_by_offset", "history_blocks", ["sku", "last_offset"])
    op.create_table(
        "history_slices",
        _text("sku"),
        _number("first_occurred_us"),
        _number("first_offset"),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("slice", sa.Integer(), nullable=False),
        sa.Column("sums", sa.LargeBinary(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sku", "level", "number", "slice", name="history_slices_pkey"),
    )
    op.create_index(
        "history_slices_by_occurred",
        "history_slices",
        ["sku", "level", "number", "first_occurred_us", "first_offset", "slice"],
    )


def downgrade() -> None:
    """Drop the tables, and forget how far they were."""
    op.execute("DELETE FROM view_positions WHERE view_group = 'history'")
    op.drop_table("history_slices")
    op.drop_table("history_blocks")
    op.drop_table("history_skus")
