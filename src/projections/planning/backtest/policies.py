"""Policies to be backtested: the levels that planning would have proposed on that day.

They call the functions that planning runs call, with nothing but what was known by then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import sqrt

import numpy as np

from projections.planning import abc
from projections.planning.backtest.demand import THURSDAY, Past
from projections.planning.backtest.simulator import Levels, Settings
from projections.planning.bucket_rows import DailyDemand
from projections.planning.days import Integers
from projections.planning.demand_statistics import DemandStatistics, statistics
from projections.planning.empirical import BootstrapOptions, history_of, quantiles, rank_of
from projections.planning.errors import PlanningError
from projections.planning.lead_demand import LeadDemand, Scenario, lead_demand
from projections.planning.lead_times import DEFAULT, LeadTimes
from projections.planning.numbers import Flags, Floats, round_up, rounded
from projections.planning.protected_days import protected_days
from projections.planning.safety_stock import (
    EMPIRICAL,
    METHODS,
    WITH_LEVEL,
    SafetyStock,
    Targets,
    safety_stock,
)

CLASSES = "ABC"
# Stands where a method has no level.
LEVEL_UNUSED = Decimal("0.5")
DAYS_MAX = 3_650


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of a class: a method of safety stock with its level, or its days of cover."""

    method: str
    level: Decimal | None = None
    cover_days: int = 0

    def __post_init__(self) -> None:
        """Raise PlanningError for a method that is none, or that lacks what it needs."""
        if self.method not in METHODS:
            raise PlanningError("method", f"a method is one of {', '.join(METHODS)}")
        if (METHODS.index(self.method) in WITH_LEVEL) != (self.level is not None):
            raise PlanningError("level", f"{self.method} has a level exactly if it is a service")
        if not 0 <= self.cover_days <= DAYS_MAX:
            raise PlanningError("cover_days", f"cover_days is 0 to {DAYS_MAX:,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposer:
    """Proposes a reorder point, and to order `order_days` of mean demand beyond it.

    `targets` are by ABC class, by consumption value up to the day; one for "" holds for all.
    Statistics are of the last `window_days`, without `closed_weekdays` (Monday is 0). `settings`
    are those of the replay: its lead times (mean and deviation of the stated distribution), review
    period and seed.
    """

    targets: Mapping[str, Target]
    settings: Settings
    order_days: int = 14
    window_days: int = 365
    closed_weekdays: frozenset[int] = frozenset()
    replicates: int = 1000

    def __post_init__(self) -> None:
        """Raise PlanningError for the first field that is out of bounds."""
        if set(self.targets) not in ({""}, set(CLASSES)):
            raise PlanningError("targets", "targets are for all, or for each of A, B and C")
        for field in ("order_days", "window_days"):
            if not 1 <= getattr(self, field) <= DAYS_MAX:
                raise PlanningError(field, f"{field} is 1 to {DAYS_MAX:,}")
        if not self.closed_weekdays < set(range(7)):
            raise PlanningError("closed_weekdays", "closed weekdays are some of 0 to 6, not all")

    def __call__(self, past: Past) -> Levels:
        """The levels of each SKU; 0 for those that nobody asked for yet."""
        demand = self._demand(past)
        daily = statistics(demand, "day")
        share = self._open_share(demand)
        waiting = lead_demand(
            daily,
            self._lead_times(len(past.skus)),
            np.full(len(past.skus), float(self.settings.review_days)),
            Scenario(open_share=share),
        )
        batch = np.maximum(
            round_up(rounded(waiting.mean * float(share) * self.order_days), "order_days"), 1
        )
        stock = self._safety_stock(past, demand, daily, (waiting, batch, share))
        known = waiting.mean > 0
        point = np.where(known, stock.reorder_point, 0)
        return Levels(point, np.where(known, point + batch, 0))

    def _demand(self, past: Past) -> DailyDemand:
        """The window's demand as rows, from the first day that each SKU was asked for."""
        days = past.quantities.shape[1]
        first = max(days - self.window_days, 0)
        seen = past.quantities[:, first:]
        series, offset = np.nonzero(seen)
        begin, last = past.first_day + first, past.first_day + days - 1
        known = np.maximum(np.minimum(past.first_demand, days) - first, 0) + begin
        return DailyDemand(
            np.searchsorted(series, np.arange(len(past.skus) + 1)).astype(np.int64),
            (offset + begin).astype(np.int32),
            seen[series, offset],
            known,
            last,
            self._open_days(begin, last + 1),
            begin,
        )

    def _open_days(self, first: int, until: int) -> Flags:
        weekday = (np.arange(first, until) + THURSDAY) % 7
        return ~np.isin(weekday, list(self.closed_weekdays))

    def _open_share(self, demand: DailyDemand) -> Decimal:
        """Of the days of the window, those that are open."""
        is_open = demand.open_days
        if is_open is None or not is_open.any():
            return Decimal(1)
        return Decimal(int(is_open.sum())) / Decimal(len(is_open))

    def _lead_times(self, count: int) -> LeadTimes:
        """Mean and standard deviation of whole numbers that are equally likely."""
        low, high = self.settings.lead_days_min, self.settings.lead_days_max
        deviation = sqrt(((high - low + 1) ** 2 - 1) / 12)
        return LeadTimes(
            np.full(count, (low + high) / 2),
            rounded(np.full(count, deviation)),
            np.full(count, DEFAULT, np.int8),
            np.zeros(count, np.int64),
        )

    def _safety_stock(
        self,
        past: Past,
        demand: DailyDemand,
        daily: DemandStatistics,
        planned: tuple[LeadDemand, Integers, Decimal],
    ) -> SafetyStock:
        waiting, batch, share = planned
        targets = self._targets(past, daily)
        quantile = self._quantile(past, demand, targets, (daily, waiting))
        return safety_stock(waiting, targets, batch, quantile, float(share))

    def _targets(self, past: Past, daily: DemandStatistics) -> Targets:
        if "" in self.targets:
            number, chosen = np.zeros(len(past.skus), np.int64), [self.targets[""]]
        else:
            value = daily.total * past.unit_costs.astype(object)
            number = abc.classify(value, abc.AbcOptions()).classes.astype(np.int64)
            chosen = [self.targets[name] for name in CLASSES]
        method = np.array([METHODS.index(one.method) for one in chosen], np.int8)
        return Targets(
            method[number],
            number,
            [LEVEL_UNUSED if one.level is None else one.level for one in chosen],
            np.array([float(one.cover_days) for one in chosen])[number],
            np.zeros(len(number)),
        )

    def _quantile(
        self,
        past: Past,
        demand: DailyDemand,
        targets: Targets,
        known: tuple[DemandStatistics, LeadDemand],
    ) -> Floats:
        """Quantiles of demand over the protected time, of the series that ask for one."""
        daily, waiting = known
        # Where there is no history nothing is ordered, so that 0 is as good as any other.
        found = np.zeros(len(past.skus))
        some = np.flatnonzero(targets.has(EMPIRICAL) & (daily.buckets > 0))
        if not len(some):
            return found
        options = BootstrapOptions(self.replicates, self.settings.seed)
        ranks = np.array([rank_of(one, self.replicates) for one in targets.levels], np.int64)
        history = history_of(
            _only(demand, some), daily.buckets[some], [past.skus[one] for one in some.tolist()]
        )
        protected = protected_days(waiting, some)
        found[some] = quantiles(history, protected, ranks[targets.level[some]], options)
        return found


def _only(demand: DailyDemand, some: Integers) -> DailyDemand:
    """The demand of some series."""
    counts = np.diff(demand.starts)[some]
    ends = np.cumsum(counts)
    rows = np.repeat(demand.starts[:-1][some] - ends + counts, counts) + np.arange(counts.sum())
    return replace(
        demand,
        starts=np.append(0, ends).astype(np.int64),
        day=demand.day[rows],
        quantity=demand.quantity[rows],
        first_day=demand.first_day[some],
    )
