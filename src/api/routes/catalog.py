"""All operations of the API, in the order of its description."""

from typing import Final

from api.operations import Operation
from api.routes import (
    alerts,
    bulk,
    health,
    items,
    movements,
    planning_below,
    planning_demand,
    planning_explain,
    planning_health,
    planning_health_months,
    planning_orders,
    planning_results,
    planning_runs,
    private_texts,
    stock,
    stock_explain,
    stock_history,
    supply_operations,
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *movements.OPERATIONS,
    *bulk.OPERATIONS,
    *stock.OPERATIONS,
    *stock_history.OPERATIONS,
    *stock_explain.OPERATIONS,
    *items.OPERATIONS,
    *supply_operations.OPERATIONS,
    *planning_demand.OPERATIONS,
    *planning_health.OPERATIONS,
    *planning_runs.OPERATIONS,
    *planning_explain.OPERATIONS,
    *planning_results.OPERATIONS,
    *alerts.OPERATIONS,
    *planning_orders.OPERATIONS,
    *planning_below.OPERATIONS,
    *planning_health_months.OPERATIONS,
    *private_texts.OPERATIONS,
    *health.OPERATIONS,
)
