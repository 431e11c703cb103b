"""What planning runs say of stock levels, stock health and forecasts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BYTES_ORDER = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBERS = (
    "selling_days", "stock_out_days", "service_level", "safety_factor", "cover_days",
    "buffer_days", "review_days", "history_days", "lead_time_days", "lead_time_deviation_days",
    "lead_time_orders", "protected_days", "safety_stock", "reorder_point", "unit_cost", "pack",
    "minimum_order", "order_quantity", "order_at", "order_up_to", "on_hand", "on_hand_value",
    "on_order", "inventory_position", "needed", "in_packs", "shelf_life_limit", "proposal",
    "proposal_value", "turnover_per_year", "days_of_cover", "fill_rate_units", "excess",
    "excess_value", "slow", "carrying_cost",
)  # fmt: skip
TEXTS = (
    "method", "policy_source", "daily_mean", "daily_deviation", "demand_reason",
    "lead_time_source", "expected", "spread", "quantile", "buffer", "safety_stock_exact",
    "policy", "supplier", "annual_demand", "cost_source", "order_quantity_exact", "order_basis",
    "proposal_reason",
)  # fmt: skip
FORECAST_COLUMNS = ("run_id", "sku", "site", "model", "reason", "document")


def upgrade() -> None:
    """Add columns, which are null in runs that were made before."""
    for name in NUMBERS:
        op.add_column("planning_results", sa.Column(name, sa.BigInteger(), nullable=True))
    for name in TEXTS:
        op.add_column("planning_results", sa.Column(name, BYTES_ORDER, nullable=True))
    op.create_table(
        "planning_forecasts",
        *(sa.Column(name, BYTES_ORDER, nullable=False) for name in FORECAST_COLUMNS),
        sa.PrimaryKeyConstraint("run_id", "sku", "site", name="planning_forecasts_pkey"),
    )


def downgrade() -> None:
    """Drop the columns. What runs said is gone; the log has what they were made from."""
    op.drop_table("planning_forecasts")
    for name in (*NUMBERS, *TEXTS):
        op.drop_column("planning_results", name)
