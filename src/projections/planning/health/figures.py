"""The figures of stock health: quotients of exact sums, each rounded once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from projections.planning.days import Integers
from projections.planning.health.exact import Exact, divided, product, total
from projections.planning.health.measures import Sums
from projections.planning.health.parameters import HealthParameters

# Ratios are integers of a millionth.
MICRO = 1_000_000
YEAR_DAYS = 365

# Why a figure is not defined; its number is the place in this tuple, 0 says that it is.
REASONS = ("", "no_stock_value", "no_demand", "nothing_issued", "no_history")
Reasons = npt.NDArray[np.int8]

# Figures that are sums as they stand.
PLAIN = (
    "issued", "issued_value", "unmet", "scrapped_value", "lost_value", "found_value", "on_hand",
    "value", "excess", "excess_value", "slow", "slow_value", "unjudged",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One number for each series or group and each bucket; `reasons` says where there is none."""

    values: Exact
    reasons: Reasons


def figures(sums: Sums, parameters: HealthParameters) -> dict[str, Figure]:
    """Every figure of `formulas.FORMULAS`; ageing has one a limit, `aged_0` …, and one beyond."""
    amounts = sums.amounts
    aged = [name for name in amounts if name.startswith("aged_")]
    found = {name: _plain(amounts[name]) for name in (*PLAIN, *aged)}
    found |= _averages(sums, parameters) | _service(amounts) | _losses(amounts)
    return found | _cover(amounts)


def _plain(values: Exact) -> Figure:
    return Figure(values, np.zeros(values.shape, np.int8))


def _quotient(reason: str, numerator: Exact, denominator: Exact, *factors: int) -> Figure:
    """In millionths; where the denominator is not positive there is no number but the reason."""
    undefined = np.asarray(denominator <= 0, bool)
    values = divided(numerator, np.where(undefined, 1, denominator), *factors, MICRO)
    reasons = np.where(undefined, REASONS.index(reason), 0).astype(np.int8)
    return Figure(np.where(undefined, 0, values), reasons)


def _averages(sums: Sums, parameters: HealthParameters) -> dict[str, Figure]:
    days, amounts = sums.days[None, :], sums.amounts
    unit_days = product(days, (10**sums.scales)[:, None])
    value_days, issued = amounts["value_days"], amounts["issued_value"]
    turnover = _over_value(issued, value_days)
    held = np.maximum(value_days, 0)
    rate = (parameters.carrying_rate, np.array(YEAR_DAYS * MICRO))
    return {
        "average_on_hand": _plain(divided(amounts["on_hand_days"], unit_days, MICRO)),
        "average_value": _plain(divided(value_days, days)),
        "turnover": turnover(days),
        "turnover_per_year": turnover(np.array([[YEAR_DAYS]])),
        "carrying_cost": _plain(divided(held, rate[1], rate[0])),
    }


def _over_value(issued: Exact, value_days: Exact) -> Callable[[Integers], Figure]:
    """Turnover is issued value ÷ (value days ÷ days), so the days are a factor."""
    undefined = np.asarray(value_days <= 0, bool)
    reasons = np.where(undefined, REASONS.index("no_stock_value"), 0).astype(np.int8)

    def times(days: Integers) -> Figure:
        values = divided(issued, np.where(undefined, 1, value_days), days, MICRO)
        return Figure(np.where(undefined, 0, values), reasons)

    return times


def _service(amounts: Mapping[str, Exact]) -> dict[str, Figure]:
    found = {}
    for name, served, refused in (
        ("fill_rate_units", "issued", "unmet"),
        ("fill_rate_lines", "issue_lines", "unmet_lines"),
    ):
        asked = total(amounts[served], amounts[refused])
        found[name] = _quotient("no_demand", amounts[served], asked)
    return found


def _losses(amounts: Mapping[str, Exact]) -> dict[str, Figure]:
    shrinkage = total(amounts["lost_value"], -amounts["found_value"])
    issued = amounts["issued_value"]
    return {
        "shrinkage_value": _plain(shrinkage),
        "shrinkage_rate": _quotient("nothing_issued", shrinkage, issued),
        "waste_rate": _quotient("nothing_issued", amounts["scrapped_value"], issued),
    }


def _cover(amounts: Mapping[str, Exact]) -> dict[str, Figure]:
    """On hand ÷ (issued ÷ days), so the days are a factor again."""
    found = {}
    days = amounts["recent_days"]
    for name, held, issued in (
        ("days_of_cover", "on_hand", "recent_issued"),
        ("days_of_cover_value", "value", "recent_issued_value"),
    ):
        undefined = np.asarray(amounts[issued] <= 0, bool)
        one = np.where(undefined, 1, amounts[issued])
        values = divided(np.maximum(amounts[held], 0), one, days, MICRO)
        reasons = np.where(undefined, REASONS.index("nothing_issued"), 0).astype(np.int8)
        reasons[np.asarray(days <= 0, bool)] = REASONS.index("no_history")
        found[name] = Figure(np.where(reasons > 0, 0, values), reasons)
    return found
