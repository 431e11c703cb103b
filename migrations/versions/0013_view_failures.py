"""What stopped a projector."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=null)


def upgrade() -> None:
    """Make the table, empty."""
    op.create_table(
        "view_failures",
        _text("view_group"),
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        _text("fault"),
        _text("why"),
        _text("record_type", null=True),
        _text("record_id", null=True),
        _text("sku", null=True),
        sa.Column("noticed_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("view_group", "partition", name="view_failures_pkey"),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("view_failures")
