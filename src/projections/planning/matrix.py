"""The ABC x XYZ matrix: which policy each series gets, and what decided it.

The first that applies: a policy of its own (`sku`); that for dead items (`dead`); that of its cell
(`cell`). In series of intermittent or lumpy demand, the empirical method stands in for the normal
distribution's cycle service level, at the same level, unless it is switched off.

The matrix and its default levels follow Flores and Whybark (1986) in giving more attention to what
is worth more, and more service to what can be foretold; the numbers are a start, to be set by those
who know what a stock-out costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from projections.planning import abc, patterns, xyz
from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import Codes, Flags, Floats, Integers, Number, at_least
from projections.planning.proposals import POLICIES
from projections.planning.quantiles import LEVEL_MIN, service_level
from projections.planning.safety_stock import (
    CYCLE_SERVICE,
    DAYS_OF_COVER,
    EMPIRICAL,
    JUST_IN_TIME,
    METHODS,
    WITH_LEVEL,
    Targets,
)

WITH_COVER = (DAYS_OF_COVER, JUST_IN_TIME)
SOURCES = ("cell", "dead", "sku")
CELL, DEAD, SKU = range(len(SOURCES))

FORMULAS = (
    Formula(
        "source",
        "",
        "what decided the policy",
        "",
        "the series' own policy, else that of dead items, else that of its cell",
        "Flores and Whybark (1986), Multiple criteria ABC analysis, International Journal of "
        "Operations and Production Management 6(3)",
    ),
    Formula("review_days", "R", "days between two looks at the position", "days"),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """How one series is protected and replenished.

    `level` is for the methods with a service level, `cover_days` for `days_of_cover` and
    `just_in_time`; neither is taken where it would say nothing. Every series is looked at once in
    `review_days`: a run a day is 1.
    """

    method: str = "cycle_service"
    level: Number | None = None
    cover_days: Number | None = None
    buffer_days: Number = "0"
    replenishment: str = "s_q"
    review_days: Number = "1"

    def __post_init__(self) -> None:
        """Refuse what is unknown, what is missing and what would be ignored."""
        if self.method not in METHODS:
            raise PlanningError("method", f"{self.method!r} is none of {', '.join(METHODS)}")
        if self.replenishment not in POLICIES:
            raise PlanningError(
                "replenishment", f"{self.replenishment!r} is none of {', '.join(POLICIES)}"
            )
        code = METHODS.index(self.method)
        self._needs("level", self.level, needed=code in WITH_LEVEL)
        self._needs("cover_days", self.cover_days, needed=code in WITH_COVER)
        if self.level is not None:
            service_level(self.level)
        at_least(self.cover_days or 0, 0, "cover_days")
        at_least(self.buffer_days, 0, "buffer_days")
        periodic = self.replenishment == "periodic"
        at_least(self.review_days, 1 if periodic else 0, "review_days")

    def _needs(self, name: str, value: Number | None, *, needed: bool) -> None:
        if needed and value is None:
            raise PlanningError(name, f"method {self.method} needs it")
        if not needed and value is not None:
            raise PlanningError(name, f"method {self.method} does not use it")


NOTHING = Policy(method="none", replenishment="none")
_LEVELS = {
    "AX": "0.98", "AY": "0.97", "AZ": "0.95",
    "BX": "0.97", "BY": "0.95", "BZ": "0.93",
    "CX": "0.95", "CY": "0.92", "CZ": "0.9",
}  # fmt: skip


def default_cells() -> dict[str, Policy]:
    """Reorder point and order quantity everywhere, at levels that fall from AX to CZ."""
    return {cell: Policy(level=level) for cell, level in _LEVELS.items()}


@dataclass(frozen=True, slots=True)
class PolicyMatrix:
    """A policy for each cell, such as `AX`, and the exceptions.

    `cells` names every cell of as many ABC classes as it has. `dead` is for dead items, None to
    treat them like others. `empirical` replaces `cycle_service` for intermittent and lumpy demand.
    """

    cells: Mapping[str, Policy] = field(default_factory=default_cells)
    dead: Policy | None = NOTHING
    empirical: bool = True

    def __post_init__(self) -> None:
        """Refuse a matrix with holes or with cells that no class has."""
        count = max((abc.CLASSES.find(cell[:1]) for cell in self.cells), default=-1) + 1
        wanted = {one + other for one in abc.CLASSES[:count] for other in xyz.CLASSES}
        if count < abc.CLASSES_MIN or wanted != set(self.cells):
            raise PlanningError("cells", "every cell of the matrix has one policy, from AX on")


@dataclass(frozen=True, slots=True)
class Classified:
    """What is known of each series when it gets its policy; `dead` and `own` may be empty.

    `own` maps a series' number to a policy of its own.
    """

    abc: Codes
    xyz: Codes
    pattern: Codes
    dead: Flags
    own: Mapping[int, Policy] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assigned:
    """The policy of each series, as the next steps take it, and what decided it."""

    targets: Targets
    replenishment: Codes
    review_days: Floats
    source: Codes


def assign(series: Classified, matrix: PolicyMatrix | None = None) -> Assigned:
    """The policy of each series."""
    matrix = matrix or PolicyMatrix()
    number, policies, source = _chosen(series, matrix)
    method = np.array([METHODS.index(one.method) for one in policies], dtype=np.int8)[number]
    if matrix.empirical:
        rare = np.isin(series.pattern, (patterns.INTERMITTENT, patterns.LUMPY))
        # What is set for one SKU is meant as it is.
        replaced = rare & (method == CYCLE_SERVICE) & (source != SKU)
        method = np.where(replaced, EMPIRICAL, method).astype(np.int8)
    # A method without a level points to one that asks for nothing.
    levels = [service_level(LEVEL_MIN if one.level is None else one.level) for one in policies]
    unique = sorted(set(levels))
    level = np.array([unique.index(one) for one in levels])[number]

    def numbers(name: str) -> Floats:
        return np.array([float(str(getattr(one, name) or 0)) for one in policies])[number]

    return Assigned(
        Targets(method, level, unique, numbers("cover_days"), numbers("buffer_days")),
        replenishment=np.array(
            [POLICIES.index(one.replenishment) for one in policies], dtype=np.int8
        )[number],
        review_days=numbers("review_days"),
        source=source,
    )


def _chosen(series: Classified, matrix: PolicyMatrix) -> tuple[Integers, list[Policy], Codes]:
    """The number of each series' policy in the list, and what decided it."""
    policies = [matrix.cells[cell] for cell in sorted(matrix.cells)]
    number = series.abc.astype(np.int64) * len(xyz.CLASSES) + series.xyz
    if int(number.max(initial=0)) >= len(policies):
        raise PlanningError("cells", "the matrix has fewer ABC classes than the series have")
    source = np.full(len(number), CELL, dtype=np.int8)
    if matrix.dead is not None and len(series.dead):
        number = np.where(series.dead, len(policies), number)
        source[series.dead] = DEAD
        policies.append(matrix.dead)
    for one, policy in series.own.items():
        number[one], source[one] = len(policies), SKU
        policies.append(policy)
    return number, policies, source
