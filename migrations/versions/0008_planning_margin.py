"""What ABC by margin comes from, in the results of planning runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

COLUMNS = ("issued", "price", "margin")


def upgrade() -> None:
    """Add the columns, null in runs that were made before."""
    for name in COLUMNS:
        op.add_column("planning_results", sa.Column(name, sa.BigInteger(), nullable=True))


def downgrade() -> None:
    """Drop them."""
    for name in reversed(COLUMNS):
        op.drop_column("planning_results", name)
