"""The class that hysteresis kept, so that a class can be explained without all other series."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Add the column, null in runs that were made before."""
    kind = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.add_column("planning_results", sa.Column("abc_before", kind, nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("planning_results", "abc_before")
