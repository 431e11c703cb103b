"""Planning runs: what was asked, who makes one, what came out, and what changed by it."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
COLUMNS = (
    "abc", "xyz", "abc_unkept", "rank", "share_percent", "cumulative_share_percent",
    "issued_value", "lines", "demand", "xyz_reason", "pattern", "buckets", "demand_buckets",
    "mean", "deviation", "cv", "interval", "size_cv_squared", "velocity", "lines_per_month",
    "days_since_demand",
)  # fmt: skip
TEXTS = frozenset((
    "abc", "xyz", "abc_unkept", "xyz_reason", "pattern", "mean", "deviation", "velocity",
))  # fmt: skip


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, BYTES_ORDER, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=null)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"{table}_pkey")


def upgrade() -> None:
    """Make the tables, empty."""
    _make_runs()
    op.create_table(
        "planning_locks",
        _text("ledger_id"),
        _text("run_id", null=True),
        _text("attempt", null=True),
        _number("renewed_s"),
        _number("scheduled_s"),
        _key("planning_locks", "ledger_id"),
    )
    op.create_table(
        "planning_results",
        _text("run_id"),
        _text("sku"),
        _text("site"),
        sa.Column("scale", sa.SmallInteger(), nullable=False),
        *(_text(one, null=True) if one in TEXTS else _number(one, null=True) for one in COLUMNS),
        _key("planning_results", "run_id", "sku", "site"),
    )
    op.create_index("planning_results_by_class", "planning_results", ["run_id", "abc", "sku"])
    _make_events()


def _make_runs() -> None:
    op.create_table(
        "planning_runs",
        _text("run_id"),
        _text("ledger_id"),
        _text("state"),
        _text("reason", null=True),
        _text("origin"),
        sa.Column("publishes", sa.Boolean(), nullable=False),
        sa.Column("results_kept", sa.Boolean(), nullable=False),
        sa.Column("as_of_day", sa.Integer(), nullable=False),
        _text("parameters"),
        _text("parameters_hash"),
        _text("scope_hash"),
        _text("positions", null=True),
        _text("previous_run_id", null=True),
        _text("code_version"),
        _text("digest", null=True),
        _text("counts", null=True),
        _number("started_ms"),
        _number("finished_ms", null=True),
        _key("planning_runs", "run_id"),
    )
    op.create_index("planning_runs_by_state", "planning_runs", ["state", "run_id"])


def _make_events() -> None:
    op.create_table(
        "planning_events",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        _text("run_id"),
        _text("event_id"),
        _text("type"),
        _text("sku"),
        _text("site"),
        _number("recorded_ms"),
        _text("document"),
        _key("planning_events", "sequence"),
    )
    op.create_index("planning_events_by_sku", "planning_events", ["sku", "sequence"])
    op.create_index("planning_events_by_event", "planning_events", ["event_id"], unique=True)


def downgrade() -> None:
    """Drop the tables. What runs said is gone; the log has what they were made from."""
    for table in ("planning_events", "planning_results", "planning_locks", "planning_runs"):
        op.drop_table(table)
