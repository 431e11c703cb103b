"""Velocity: how fast an item moves, by how often it was asked for and when it was last.

The first that applies: **dead** if nothing was asked for in the last `dead_days`; **new** if the
item is younger than `new_days`, so that little can be said of it; **fast** with at least
`fast_lines` issue lines in 30 days, **slow** with fewer than `slow_lines`, **medium** between.
"""

from dataclasses import dataclass

import numpy as np

from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import (
    Codes,
    Floats,
    Integers,
    Number,
    at_least,
    floats,
    quotients,
)

VELOCITIES = ("fast", "medium", "slow", "dead", "new")
FAST, MEDIUM, SLOW, DEAD, NEW = range(len(VELOCITIES))
MONTH_DAYS = 30
NEVER = -(2**31)  # the last day of demand of an item that never had any

FORMULAS = (
    Formula("lines", "l", "issue lines in the window", "lines"),
    Formula("age", "t", "days since the item's first movement or refusal", "days"),
    Formula("days_known", "n", "those of them in the window", "days"),
    Formula("lines_per_month", "v", "issue lines in 30 days", "lines", "v = 30 l / n"),
    Formula("days_since_demand", "a", "days since it was last asked for; -1: never", "days"),
    Formula(
        "velocity",
        "",
        "how fast the item moves",
        "",
        "dead if a >= dead_days, or never and t >= dead_days; else new if t < new_days; else fast "
        "if v >= fast_lines; slow if v < slow_lines; else medium",
    ),
)


@dataclass(frozen=True, slots=True)
class VelocityOptions:
    """Thresholds in issue lines in 30 days, and in days; lines are those of `window_days`."""

    fast_lines: Number = "10"
    slow_lines: Number = "1"
    dead_days: int = 180
    new_days: int = 30
    window_days: int = 365

    def __post_init__(self) -> None:
        """Refuse thresholds out of order."""
        if at_least(self.slow_lines, 0, "slow_lines") > at_least(self.fast_lines, 0, "fast_lines"):
            raise PlanningError("slow_lines", "it is not above fast_lines")
        at_least(self.dead_days, 1, "dead_days")
        at_least(self.new_days, 0, "new_days")


@dataclass(frozen=True, slots=True)
class Velocity:
    """The index in `VELOCITIES` of each series, and where it comes from; see `FORMULAS`."""

    lines: Integers
    age: Integers
    days_known: Integers
    lines_per_month: Floats
    days_since_demand: Integers
    velocity: Codes


def classify(
    lines: Integers,
    last_demand_day: Integers,
    first_day: Integers,
    last_day: int,
    options: VelocityOptions | None = None,
) -> Velocity:
    """Classify by `lines` asked for in the window that ends with `last_day`, inclusive.

    `first_day` is that of each series' first movement or refusal, however long ago.
    `last_demand_day` is the last day on which it was asked for, or `NEVER`; lines that were refused
    for lack of stock belong to both.
    """
    options = options or VelocityOptions()
    age = np.maximum(last_day - first_day + 1, 0)
    days_known = np.minimum(age, options.window_days)
    per_month = quotients(floats(lines) * MONTH_DAYS, floats(days_known))
    never = last_demand_day == NEVER
    since = np.where(never, -1, last_day - last_demand_day)
    dead = np.where(never, age, since) >= options.dead_days
    fast = per_month >= float(str(options.fast_lines))
    slow = per_month < float(str(options.slow_lines))
    velocity = np.select(
        [dead, age < options.new_days, fast, slow], [DEAD, NEW, FAST, SLOW], MEDIUM
    )
    return Velocity(lines, age, days_known, per_month, since, velocity.astype(np.int8))
