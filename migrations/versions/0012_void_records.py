"""Records that lie in the log and do not count."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TEXTS = ("type", "id", "actor", "quantity", "source", "target", "lot", "status")
BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table. Those that lie before what the views have read are not in it."""
    op.create_table(
        "void_records",
        sa.Column("partition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("log_offset", sa.BigInteger(), nullable=False),
        sa.Column("stated", sa.BigInteger(), nullable=True),
        sa.Column("recorded_ms", sa.BigInteger(), nullable=False),
        sa.Column("sku", BYTES_ORDER, nullable=False),
        *(sa.Column(name, BYTES_ORDER, nullable=True) for name in TEXTS),
        sa.PrimaryKeyConstraint("partition", "log_offset", name="void_records_pkey"),
    )
    op.create_index("void_records_by_sku", "void_records", ["sku", "log_offset"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("void_records")
