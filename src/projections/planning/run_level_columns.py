"""The columns of the results that levels and proposals are."""

from typing import Any

from ledger.domain.quantities import divide_half_even
from projections.planning import (
    lead_demand,
    matrix,
    order_quantities,
    proposals,
    safety_stock,
    unit_costs,
)
from projections.planning.days import Days
from projections.planning.lead_times import SOURCES
from projections.planning.numbers import Integers
from projections.planning.order_quantities import NO_COST
from projections.planning.proposals import NOT_SET
from projections.planning.run_classes import words
from projections.planning.run_levels import Planned


def columns_of(days: Days, planned: Planned) -> dict[str, Any]:
    """All of them."""
    return {**_safety(planned), **_replenishment(planned), **_ordered(days, planned)}


def _safety(planned: Planned) -> dict[str, Any]:
    levels, over = planned.levels, planned.levels.lead_demand
    safety, lead_times = levels.safety, planned.lead_times
    return {
        "method": words(safety.method, safety_stock.METHODS),
        "policy_source": words(planned.assigned.source, matrix.SOURCES),
        "service_level": safety.level,
        "safety_factor": safety.factor,
        "cover_days": planned.assigned.targets.cover_days,
        "buffer_days": planned.assigned.targets.buffer_days,
        "review_days": planned.assigned.review_days,
        "daily_mean": over.mean,
        "daily_deviation": over.deviation,
        "history_days": levels.daily.buckets,
        "demand_reason": words(over.reason, lead_demand.REASONS),
        "lead_time_days": lead_times.mean,
        "lead_time_deviation_days": lead_times.deviation,
        "lead_time_source": words(lead_times.source, SOURCES),
        "lead_time_orders": lead_times.observations,
        "protected_days": over.protected,
        "expected": over.expected,
        "spread": over.spread,
        "quantile": safety.quantile,
        "buffer": safety.buffer,
        "safety_stock_exact": safety.exact,
        "safety_stock": safety.quantity,
        "reorder_point": safety.reorder_point,
    }


def _replenishment(planned: Planned) -> dict[str, Any]:
    orders, proposed = planned.levels.orders, planned.proposals
    return {
        "policy": words(proposed.policy, proposals.POLICIES),
        "supplier": list(planned.suppliers),
        "annual_demand": orders.annual_demand,
        "unit_cost": _set(orders.unit_cost, NO_COST),
        "cost_source": words(planned.unit_costs.source, unit_costs.SOURCES),
        "pack": planned.terms.pack,
        "minimum_order": planned.terms.minimum,
        "order_quantity_exact": orders.exact,
        "order_basis": words(orders.basis, order_quantities.BASES),
        "order_quantity": orders.quantity,
        "order_at": _set(proposed.reorder_point, NOT_SET),
        "order_up_to": _set(proposed.up_to, NOT_SET),
        "on_hand": planned.on_hand,
        "on_hand_value": planned.on_hand_value,
        "on_order": planned.on_order,
        "inventory_position": proposed.position,
    }


def _ordered(days: Days, planned: Planned) -> dict[str, Any]:
    proposed = planned.proposals
    quantity = proposed.quantity.tolist()
    costs, scales = planned.levels.orders.unit_cost.tolist(), days.scales.tolist()
    values = [
        None if cost == NO_COST else divide_half_even(amount * cost, 10**scale)
        for amount, cost, scale in zip(quantity, costs, scales, strict=True)
    ]
    return {
        "needed": proposed.needed,
        "in_packs": proposed.packed,
        "shelf_life_limit": _set(proposed.limit, NOT_SET),
        "proposal": quantity,
        "proposal_value": values,
        "proposal_reason": words(proposed.reason, proposals.REASONS),
    }


def _set(values: Integers, missing: int) -> list[int | None]:
    return [None if one == missing else one for one in values.tolist()]
