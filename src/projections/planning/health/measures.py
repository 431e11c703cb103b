"""The exact sums that every figure of stock health is a quotient of, by series and bucket."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.ageing import aged
from projections.planning.health.exact import Exact, divided, product, total
from projections.planning.health.lookups import Lookups, first_days, look_up
from projections.planning.health.parameters import Buckets, HealthParameters, buckets

# Columns of `Days` that are summed over a bucket as they are.
SUMMED = (
    "issued", "issue_lines", "issued_value", "unmet", "unmet_lines",
    "scrapped_value", "lost_value", "found_value",
)  # fmt: skip
# All columns that stock health is made from.
COLUMNS = (
    *SUMMED, "on_hand_net", "value_net", "returned", "received", "found", "moved_in",
    "supplier_returned", "scrapped", "lost", "moved_out",
)  # fmt: skip
# Amounts among the sums that are quantities in the scale of their series.
QUANTITIES = frozenset({"issued", "unmet", "on_hand", "on_hand_days", "recent_issued", "excess"})
NEVER = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of series or of groups of them; each array has the shape (series, buckets).

    `scales` are the decimals of the quantities of each row. `days` is how long each bucket is.
    """

    scales: Integers
    days: Integers
    amounts: Mapping[str, Exact]


def measure(days: Days, parameters: HealthParameters) -> Sums:
    """All sums of all series of `days`; memory grows with series · buckets."""
    cut = buckets(parameters)
    lookups = look_up(days, _points(cut, parameters))
    place = _Places(lookups, cut, parameters)
    amounts = {name: place.over(lookups.sums(name)) for name in SUMMED}
    origin = parameters.first_day
    amounts["on_hand_days"] = place.over(lookups.day_sums("on_hand_net", origin))
    amounts["value_days"] = place.over(lookups.day_sums("value_net", origin))
    amounts["on_hand"] = place.at_end(lookups.sums("on_hand_net"))
    amounts["value"] = place.at_end(lookups.sums("value_net"))
    amounts |= _recent(lookups, place, parameters)
    amounts |= _judged(amounts, parameters)
    amounts |= aged(lookups, cut, parameters.ageing_days, amounts)
    return Sums(days.scales.astype(np.int64), cut.days, amounts)


def _points(cut: Buckets, parameters: HealthParameters) -> Integers:
    """Every day at whose end a running sum is asked for."""
    ages = [cut.last - limit - 1 for limit in parameters.ageing_days]
    asked = [cut.first - 1, cut.last, cut.last - parameters.demand_days, *ages]
    return np.unique(np.concatenate(asked))


class _Places:
    """Picks the points of buckets from running sums."""

    def __init__(self, lookups: Lookups, cut: Buckets, parameters: HealthParameters) -> None:
        points = lookups.points
        self.before = np.searchsorted(points, cut.first - 1)
        self.end = np.searchsorted(points, cut.last)
        self.recent = np.searchsorted(points, cut.last - parameters.demand_days)
        self.last = cut.last

    def over(self, running: Exact) -> Exact:
        """What was added from a bucket's first day to its last."""
        found: Exact = running[:, self.end] - running[:, self.before]
        return found

    def at_end(self, running: Exact) -> Exact:
        """What there is at the end of a bucket's last day."""
        found: Exact = running[:, self.end]
        return found

    def lately(self, running: Exact) -> Exact:
        """What was added over the days that demand is taken from."""
        found: Exact = running[:, self.end] - running[:, self.recent]
        return found


def _recent(lookups: Lookups, place: _Places, parameters: HealthParameters) -> dict[str, Exact]:
    """Demand of late, and over how many days: not over days before a series was known."""
    known = place.last[None, :] - first_days(lookups.days, NEVER)[:, None] + 1
    known = np.maximum(known, 0)
    return {
        "recent_issued": place.lately(lookups.sums("issued")),
        "recent_issued_value": place.lately(lookups.sums("issued_value")),
        "recent_days": np.minimum(known, parameters.demand_days),
        "unjudged": ((known > 0) & (known < parameters.demand_days)).astype(np.int64),
    }


def _judged(amounts: Mapping[str, Exact], parameters: HealthParameters) -> dict[str, Exact]:
    """Excess and slow movers, of series that are known long enough to be judged."""
    on_hand, issued = amounts["on_hand"], np.maximum(amounts["recent_issued"], 0)
    judged = (amounts["recent_days"] == parameters.demand_days) & (on_hand > 0)
    held = np.where(judged, on_hand, 0)
    allowed = divided(issued, np.array(parameters.demand_days), parameters.excess_cover_days)
    excess = np.maximum(total(held, -allowed), 0)
    slow = judged & (
        product(held, np.array(parameters.demand_days))
        > product(issued, np.array(parameters.slow_cover_days))
    ).astype(bool)
    return {
        "excess": excess,
        "excess_value": divided(amounts["value"], np.maximum(held, 1), excess),
        "slow": slow.astype(np.int64),
        "slow_value": np.where(slow, amounts["value"], 0),
    }
