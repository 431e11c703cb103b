"""Stock health of groups by month, in the results of planning runs."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the table; runs that were made before have no rows in it."""
    text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
    op.create_table(
        "planning_health",
        sa.Column("run_id", text, primary_key=True),
        sa.Column("grouping", text, primary_key=True),
        sa.Column("name", text, primary_key=True),
        sa.Column("first_day", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("document", text, nullable=False),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("planning_health")
