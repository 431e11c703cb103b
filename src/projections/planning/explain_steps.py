"""Every number of a series with its formula and its source, in the order in which they come."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

import numpy as np

from projections.planning import (
    abc,
    criteria,
    demand_statistics,
    empirical,
    lead_demand,
    lead_times,
    matrix,
    order_quantities,
    patterns,
    proposals,
    safety_stock,
    unit_costs,
    velocity,
    xyz,
)
from projections.planning.formulas import Formula
from projections.planning.parameters import Parameters
from projections.planning.quantiles import LOSS_FACTOR, Z_VALUE
from projections.planning.run_classes import Classes
from projections.planning.run_levels import Planned
from projections.planning.run_stored import statistic
from projections.planning.safety_stock import EMPIRICAL, FILL_RATE

Formulas = Sequence[Formula]
SMALLEST: Final = "smallest unit"
_SQUARED: Final = "squared"
_MILLIONTHS: Final = "millionths"
# The words behind codes, by step and field.
_WORDS: Final[dict[tuple[str, str], str | tuple[str, ...]]] = {
    ("abc", "raw_classes"): abc.CLASSES,
    ("abc", "classes"): abc.CLASSES,
    ("xyz", "classes"): xyz.CLASSES,
    ("xyz", "reasons"): xyz.REASONS,
    ("pattern", "pattern"): patterns.PATTERNS,
    ("velocity", "velocity"): velocity.VELOCITIES,
    ("policy", "source"): matrix.SOURCES,
    ("lead_time", "source"): lead_times.SOURCES,
    ("demand_over_lead_time", "reason"): lead_demand.REASONS,
    ("safety_stock", "method"): safety_stock.METHODS,
    ("unit_cost", "source"): unit_costs.SOURCES,
    ("order_quantity", "basis"): order_quantities.BASES,
    ("proposal", "policy"): proposals.POLICIES,
    ("proposal", "reason"): proposals.REASONS,
}
_BOOTSTRAP: Final = ("replicates", "seed")
# Where -1 says that a number is not known.
_UNKNOWN: Final = -1
_MAY_BE_UNKNOWN: Final = {
    ("margin", "price"),
    ("unit_cost", "quantity"),
    ("unit_cost", "value"),
    ("unit_cost", "unit_cost"),
    ("order_quantity", "unit_cost"),
}


def steps(
    classes: Classes, planned: Planned, parameters: Parameters, scale: int
) -> list[dict[str, Any]]:
    """The steps of the one series that was computed; quantities are shown in units."""
    levels = planned.levels
    parts: list[tuple[str, Formulas, object]] = [
        ("demand_by_bucket", demand_statistics.FORMULAS, classes.statistics),
        ("abc", abc.FORMULAS, classes.abc),
        ("xyz", xyz.FORMULAS, classes.xyz),
        ("pattern", patterns.FORMULAS, classes),
        ("velocity", velocity.FORMULAS, classes.velocity),
        ("policy", matrix.FORMULAS, planned.assigned),
        ("lead_time", lead_times.FORMULAS, planned.lead_times),
        ("demand_by_day", demand_statistics.FORMULAS, levels.daily),
        ("demand_over_lead_time", lead_demand.FORMULAS, levels.lead_demand),
        ("safety_stock", _of_safety(planned), levels.safety),
        ("unit_cost", unit_costs.FORMULAS, planned.unit_costs),
        ("order_quantity", order_quantities.FORMULAS, levels.orders),
        ("proposal", proposals.FORMULAS, planned.proposals),
    ]
    if classes.margin is not None:
        parts.insert(1, ("margin", criteria.FORMULAS, classes.margin))
    found = [
        {"step": name, "numbers": list(_numbers(name, formulas, result, scale))}
        for name, formulas, result in parts
    ]
    if planned.assigned.targets.has(EMPIRICAL)[0]:
        found.insert(-4, {"step": "bootstrap", "numbers": list(_bootstrap(parameters))})
    return found


def _of_safety(planned: Planned) -> Formulas:
    """Two methods have a factor, each by its own formula."""
    other = Z_VALUE if planned.assigned.targets.has(FILL_RATE)[0] else LOSS_FACTOR
    return [one for one in safety_stock.FORMULAS if one is not other]


def _bootstrap(parameters: Parameters) -> Iterator[dict[str, Any]]:
    values = {"replicates": parameters.policies.replicates, "seed": parameters.seed}
    for formula in empirical.FORMULAS:
        if formula.name in _BOOTSTRAP:
            yield _number(formula, str(values[formula.name]))


def _numbers(step: str, formulas: Formulas, result: object, scale: int) -> Iterator[dict[str, Any]]:
    for formula in formulas:
        values = getattr(result, formula.name)
        words = _WORDS.get((step, formula.name))
        if words is not None:
            yield _number(formula, words[int(values[0])])
        elif (step, formula.name) in _MAY_BE_UNKNOWN and values[0] == _UNKNOWN:
            yield _number(formula, None)
        else:
            yield _number(formula, _shown(values[0], formula.unit, scale))


def _number(formula: Formula, value: str | None) -> dict[str, Any]:
    unit = formula.unit.replace(SMALLEST, "unit").replace(_MILLIONTHS, "currency")
    return {
        "name": formula.name,
        "symbol": formula.symbol or None,
        "meaning": formula.meaning,
        "value": value,
        "unit": unit or None,
        "formula": formula.formula or None,
        "source": formula.source or None,
    }


def _shown(value: Any, unit: str, scale: int) -> str | None:
    """A number in units and in the currency; exact, since only the point moves."""
    whole = isinstance(value, int | np.integer)
    text = str(int(value)) if whole else statistic(float(value))
    if text is None:
        return None
    moved = 0
    if SMALLEST in unit:
        moved = 2 * scale if _SQUARED in unit else scale
    elif _MILLIONTHS in unit:
        moved = 6
    if not moved:
        return text
    shifted = f"{Decimal(text).scaleb(-moved):f}"
    return shifted.rstrip("0").rstrip(".") if "." in shifted else shifted
