"""By which request a record came: the secret used, the way in, the id of the request."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("movements", "refusals", "item_definitions", "supply_changes")
BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the column. No log that was not raised to its level has anything for it."""
    for table in TABLES:
        op.add_column(table, sa.Column("trail", BYTES_ORDER, nullable=True))


def downgrade() -> None:
    """Drop it."""
    for table in reversed(TABLES):
        op.drop_column(table, "trail")
