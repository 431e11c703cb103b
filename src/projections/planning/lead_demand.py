"""Demand over the time that safety stock has to last: lead time and review period together.

Demand of different days is taken as independent, and of the lead time, so that variances add:
σx² = P σd² + d² σL² (Silver, Pyke and Thomas 2017, section 6.10). All days here are days of the
calendar. Statistics by open day are brought to them by the share of days that are open: with d a
day that is open and f the share, P days hold f P of them.
"""

from dataclasses import dataclass

import numpy as np

from projections.planning.demand_statistics import DemandStatistics
from projections.planning.formulas import Formula
from projections.planning.lead_times import LeadTimes
from projections.planning.numbers import Codes, Floats, Number, at_least, decimal, rounded

REASONS = ("measured", "no_history", "one_day", "no_demand")
MEASURED, NO_HISTORY, ONE_DAY, NO_DEMAND = range(len(REASONS))
CHANGE_MIN = -100  # percent: no demand at all
SILVER = (
    "Silver, Pyke and Thomas (2017), Inventory and Production Management in Supply Chains, 4th ed."
)

FORMULAS = (
    Formula("mean", "d", "mean demand a day", "smallest unit per open day", "d = s / n, not < 0"),
    Formula("deviation", "σd", "its standard deviation", "smallest unit per open day"),
    Formula("lead", "L", "lead time in open days", "days", "L = f (lead time in days)"),
    Formula("lead_deviation", "σL", "its standard deviation", "days", "σL = f (in days)"),
    Formula("protected", "P", "lead time and review period", "days", "P = L + f R"),
    Formula(
        "expected", "x", "mean demand over it", "smallest unit", "x = d P", f"{SILVER} section 6.7"
    ),
    Formula(
        "spread",
        "σx",
        "standard deviation of demand over it",
        "smallest unit",
        "σx = √(P σd² + d² σL²)",
        f"{SILVER} section 6.10",
    ),
    Formula("reason", "", "why demand is taken as it is", ""),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What holds for all series of a run, or is asked of it.

    `open_share` is the share of days on which demand can occur, as counted in the demand's
    statistics. `demand_change` is a change of demand in percent: mean and deviation alike.
    """

    open_share: Number = "1"
    demand_change: Number = "0"

    def __post_init__(self) -> None:
        """Refuse shares beyond 1 and demand below nothing."""
        at_least(self.open_share, 0, "open_share")
        at_least(1 - decimal(self.open_share, "open_share"), 0, "open_share")
        at_least(self.demand_change, CHANGE_MIN, "demand_change")


@dataclass(frozen=True, slots=True)
class LeadDemand:
    """Demand of each series over its protected time; see `FORMULAS`."""

    mean: Floats
    deviation: Floats
    lead: Floats
    lead_deviation: Floats
    protected: Floats
    expected: Floats
    spread: Floats
    reason: Codes


def lead_demand(
    daily: DemandStatistics,
    lead_times: LeadTimes,
    review_days: Floats,
    scenario: Scenario | None = None,
) -> LeadDemand:
    """Demand over lead time and review period, from statistics by day.

    Series without history, or whose returns outweigh their demand, have a mean of 0; with one day
    of history the deviation is 0. `review_days` is 0 for one that is watched all the time.
    """
    scenario = scenario or Scenario()
    share = float(str(scenario.open_share))
    change = 1 + float(str(scenario.demand_change)) / 100
    mean = rounded(np.maximum(np.nan_to_num(daily.mean), 0.0) * change)
    deviation = rounded(np.nan_to_num(daily.deviation) * change)
    lead = rounded(lead_times.mean * share)
    lead_deviation = rounded(lead_times.deviation * share)
    protected = rounded(lead + review_days * share)
    return LeadDemand(
        mean=mean,
        deviation=deviation,
        lead=lead,
        lead_deviation=lead_deviation,
        protected=protected,
        expected=rounded(mean * protected),
        spread=rounded(
            np.sqrt(
                protected * deviation * deviation + mean * mean * lead_deviation * lead_deviation
            )
        ),
        reason=_reasons(daily),
    )


def _reasons(daily: DemandStatistics) -> Codes:
    conditions = [daily.buckets == 0, daily.total <= 0, daily.buckets == 1]
    return np.select(conditions, [NO_HISTORY, NO_DEMAND, ONE_DAY], MEASURED).astype(np.int8)
