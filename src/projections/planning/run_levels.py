"""Levels of a run: safety stock, reorder point and what to order, for all of its series."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import numpy as np

from ledger.domain import quantities
from ledger.domain.items import ITEM_DEFAULT, Item
from ledger.domain.quantities import divide_half_even
from ledger.domain.rejections import Rejected
from projections.planning import abc, lead_demand, proposals, xyz
from projections.planning.days import Days, Integers
from projections.planning.health.exact import Exact
from projections.planning.lead_times import (
    LeadTimes,
    choose,
    delayed,
)
from projections.planning.levels import LevelOptions, Levels, Supplied, plan_levels
from projections.planning.matrix import Assigned, Classified, assign
from projections.planning.order_quantities import Terms
from projections.planning.parameters import Parameters, PolicyPart
from projections.planning.proposals import NOT_SET, Control, Proposals
from projections.planning.run_classes import Classes
from projections.planning.run_demand import calendar_of
from projections.planning.run_inputs import Inputs
from projections.planning.run_policies import (
    bootstrap_options,
    cost_options,
    lead_time_options,
    matrix_of,
    own_policies,
)
from projections.planning.run_supply import Supply
from projections.planning.sku_sums import on_hand_values
from projections.planning.unit_costs import UnitCosts, unit_costs
from projections.planning.velocity import DEAD


@dataclass(frozen=True, slots=True)
class Planned:
    """What is computed of each series, from its policy to its proposal."""

    assigned: Assigned
    lead_times: LeadTimes
    levels: Levels
    proposals: Proposals
    terms: Terms
    unit_costs: UnitCosts
    on_hand: Integers
    on_hand_value: Exact
    available: Integers
    on_order: Integers
    suppliers: Sequence[str | None]


def plan(inputs: Inputs, classes: Classes) -> Planned:
    """Levels and proposals. Raises PlanningError."""
    days, supply, parameters = inputs.days, inputs.supply, inputs.parameters
    described = [inputs.items.get(sku, ITEM_DEFAULT) for sku in days.skus]
    suppliers = [item.suppliers[0].code if item.suppliers else None for item in described]
    lead_times = _lead_times(days, described, suppliers, supply, parameters)
    assigned = _assigned(days, classes, parameters)
    costs = unit_costs(days, described, inputs.sums)
    terms = _terms(days, described)
    supplied = Supplied(
        [f"{sku}\n{site}" for sku, site in zip(days.skus, days.sites, strict=True)],
        days.scales,
        costs.unit_cost,
        terms,
        lead_times,
    )
    levels = plan_levels(classes.known.daily, supplied, assigned, _options(parameters))
    on_hand, on_order = days.sums("on_hand_net"), supply.on_order(days)
    # What is damaged or held back serves nobody, and is not waited for: it is ordered anew.
    available = days.sums("available_net")
    control = _control(days, levels, assigned, parameters)
    proposed = proposals.propose(
        control,
        available + on_order,
        terms,
        _shelf_life(levels, lead_times, described),
        proposals.reviewed_on(parameters.as_of_day, assigned.review_days),
    )
    return Planned(
        assigned, lead_times, levels, proposed, terms, costs, on_hand,
        on_hand_values(days, inputs.sums), available, on_order, suppliers,
    )  # fmt: skip


def _options(parameters: Parameters) -> LevelOptions:
    calendar = calendar_of(parameters.demand)
    until_day = parameters.as_of_day + 1
    open_days = int(calendar.open_days(parameters.first_day, until_day))
    # Six decimals, rounded once, so that the share is the same wherever it is used.
    share = divide_half_even(open_days * 10**6, until_day - parameters.first_day)
    return LevelOptions(
        lead_demand.Scenario(quantities.text(share, 6), parameters.what_if.demand_percent),
        cost_options(parameters),
        bootstrap_options(parameters),
    )


def _lead_times(
    days: Days,
    described: Sequence[Item],
    suppliers: Sequence[str | None],
    supply: Supply,
    parameters: Parameters,
) -> LeadTimes:
    """The lead time of each series, and how much later it were in the scenario."""
    number, observed = supply.observed(days, suppliers)
    agreed = np.array([*(_agreed_days(item) for item in described), np.nan], dtype=np.float64)
    chosen = _without_last(choose(observed, number, agreed, lead_time_options(parameters)))
    wanted = parameters.what_if
    late = float(wanted.late_days)
    everyone = wanted.late_supplier is None
    delay = [late if everyone or one == wanted.late_supplier else 0.0 for one in suppliers]
    return delayed(chosen, np.array(delay, dtype=np.float64)) if late else chosen


def _without_last(found: LeadTimes) -> LeadTimes:
    """Without the series that stands for those of other runs; see `Supply.observed`."""
    return LeadTimes(
        found.mean[:-1], found.deviation[:-1], found.source[:-1], found.observations[:-1]
    )


def _agreed_days(item: Item) -> float:
    if not item.suppliers or item.suppliers[0].lead_time_days is None:
        return np.nan
    return float(item.suppliers[0].lead_time_days)


def _assigned(days: Days, classes: Classes, parameters: Parameters) -> Assigned:
    wanted = frozenset(parameters.policies.skus)
    cells: dict[str, list[tuple[int, str]]] = {}
    for number, sku in enumerate(days.skus):
        if sku in wanted:
            letter = abc.CLASSES[classes.abc.classes[number]]
            cell = letter + xyz.CLASSES[classes.xyz.classes[number]]
            cells.setdefault(sku, []).append((number, cell))
    series = Classified(
        classes.abc.classes,
        classes.xyz.classes,
        classes.pattern,
        classes.velocity.velocity == DEAD,
        own_policies(parameters, cells),
    )
    return assign(series, matrix_of(parameters))


def _terms(days: Days, described: Sequence[Item]) -> Terms:
    """What the supplier of each series accepts; without a word of it a pack is one unit."""
    pack = np.array([10**scale for scale in days.scales.tolist()], dtype=np.int64)
    minimum = np.zeros(len(days), dtype=np.int64)
    for number, (item, scale) in enumerate(zip(described, days.scales.tolist(), strict=True)):
        if item.suppliers:
            pack[number] = _stated(item.suppliers[0].pack_size, scale) or pack[number]
            minimum[number] = _stated(item.suppliers[0].minimum_order, scale)
    return Terms(pack.reshape(len(days)), minimum)


def _stated(text: str | None, scale: int) -> int:
    """A quantity of an item's description; 0 where none is stated, or none at this scale."""
    scaled = 0 if text is None else quantities.scaled(text, scale)
    return 0 if isinstance(scaled, Rejected) else scaled


def _shelf_life(levels: Levels, lead_times: LeadTimes, described: Sequence[Item]) -> Integers:
    shelf_life = [
        NOT_SET if item.shelf_life_days is None else item.shelf_life_days for item in described
    ]
    return proposals.shelf_life_limits(
        levels.a_day,
        lead_times.mean,
        np.array(shelf_life, dtype=np.int64).reshape(len(shelf_life)),
    )


def _control(days: Days, levels: Levels, assigned: Assigned, parameters: Parameters) -> Control:
    minimum = np.full(len(days), NOT_SET, dtype=np.int64)
    maximum = minimum.copy()
    skus = parameters.policies.skus
    if any(part.minimum is not None or part.maximum is not None for part in skus.values()):
        for number, (sku, scale) in enumerate(zip(days.skus, days.scales.tolist(), strict=True)):
            if sku in skus:
                minimum[number], maximum[number] = _min_max(skus[sku], scale)
    return proposals.control(
        assigned.replenishment,
        levels.safety.reorder_point,
        levels.orders.quantity,
        minimum,
        maximum,
    )


def _min_max(part: PolicyPart, scale: int) -> tuple[int, int]:
    """The levels of `min_max` in smallest units, a minimum rounded up and a maximum down.

    Where nothing is left between them, the maximum is the next unit above the minimum.
    """
    minimum = _whole(part.minimum, scale, ROUND_CEILING)
    maximum = _whole(part.maximum, scale, ROUND_FLOOR)
    if NOT_SET in (minimum, maximum):
        return minimum, maximum
    return minimum, max(maximum, minimum + 1)


def _whole(text: str | None, scale: int, rounding: str) -> int:
    """A level of `min_max` in smallest units, of which it may be no whole number.

    No stock is beyond the largest quantity there is.
    """
    if text is None:
        return NOT_SET
    exact = Decimal(text).scaleb(scale).to_integral_value(rounding)
    return min(int(exact), quantities.SCALED_MAX)
