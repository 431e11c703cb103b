"""ABC: few items make most of the value (Pareto's rule; Dickie 1951).

Items are ranked by value, highest first. An item belongs to the first class whose share was not
yet reached *before* it, so that the item which crosses a cut-off belongs to the higher class.
Compared are integers: the value before the item against the least integer that reaches the share.
Items of equal value are in one class, that of the first of them, whatever order they are given in.
Items without value, or of negative value (more came back than went out), are in the last class and
count nothing in the total; without any value all are in the last class.

**Hysteresis** keeps an item in its previous class as long as the cut-off, moved away from it by so
many percentage points, does. So an item that swings about a cut-off does not change its class each
day. Equal items may then be in different classes, since their pasts differ.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from projections.planning.errors import PlanningError
from projections.planning.formulas import Formula
from projections.planning.numbers import (
    Codes,
    Exact,
    Floats,
    Integers,
    Number,
    at_least,
    compact,
    floats,
    rounded,
    running_total,
    total,
)

CLASSES = "ABCDEFGHIJ"
CLASSES_MIN = 2
WHOLE = 100  # percent
NEW = -1  # an item that had no class before

FORMULAS = (
    Formula("values", "v", "value of the criterion in the window", "as the criterion"),
    Formula(
        "rank", "r", "place by value, equals share the first", "", "1 + number of items with more"
    ),
    Formula(
        "share", "p", "share of the total of all positive values", "%", "p = 100 v / Σ max(v, 0)"
    ),
    Formula(
        "cumulative_share",
        "P",
        "share of all items before the first of this value",
        "%",
        "P = 100 Σ{u > v} u / Σ max(u, 0)",
    ),
    Formula(
        "raw_classes",
        "",
        "class without hysteresis",
        "",
        "the first class k with P < s1 + … + sk; the last if v <= 0",
        "Dickie (1951), ABC inventory analysis shoots for dollars, not pennies, Factory "
        "Management and Maintenance 109(7); Silver, Pyke and Thomas (2017), Inventory and "
        "Production Management in Supply Chains, 4th ed., section 2.2",
    ),
    Formula(
        "classes",
        "",
        "class",
        "",
        "the previous class, unless P lies beyond its cut-off by more than the hysteresis",
    ),
)


@dataclass(frozen=True, slots=True)
class AbcOptions:
    """Shares of A, B, C … in percent, which sum to 100, and hysteresis in percentage points."""

    shares: Sequence[Number] = ("80", "15", "5")
    hysteresis: Number = "0"

    def __post_init__(self) -> None:
        """Refuse cut-offs that do not add up."""
        if not CLASSES_MIN <= len(self.shares) <= len(CLASSES):
            raise PlanningError("shares", f"{CLASSES_MIN} to {len(CLASSES)} shares are needed")
        if min(self.shares_percent) <= 0:
            raise PlanningError("shares", "each share is more than 0 %")
        if sum(self.shares_percent) != WHOLE:
            raise PlanningError("shares", f"they sum to {sum(self.shares_percent)} %, not to 100 %")
        if self.hysteresis_percent >= min(self.shares_percent):
            raise PlanningError("hysteresis", "it is less than the smallest share")

    @property
    def shares_percent(self) -> list[Decimal]:
        """The shares, exact."""
        return [at_least(share, 0, "shares") for share in self.shares]

    @property
    def hysteresis_percent(self) -> Decimal:
        """The hysteresis, exact."""
        return at_least(self.hysteresis, 0, "hysteresis")


@dataclass(frozen=True, slots=True)
class Abc:
    """Classes of items: 0 is A, 1 is B, … For the other arrays see `FORMULAS`."""

    values: Exact
    rank: Integers
    share: Floats
    cumulative_share: Floats
    raw_classes: Codes
    classes: Codes
    total: int


def classify(
    values: Exact, options: AbcOptions | None = None, previous: Codes | None = None
) -> Abc:
    """Classify items that compete with each other: those of one site, or of all together.

    `values` are exact integers of any size. `previous` holds the classes of the run before, `NEW`
    for an item that had none.
    """
    options = options or AbcOptions()
    values = compact(values)
    positive = np.maximum(values, 0)
    whole = total(positive)
    order = np.argsort(-positive, kind="stable")
    ranked = positive[order]
    first = _first_of_equals(ranked)
    before = (running_total(ranked) - ranked)[first]
    last = len(options.shares) - 1

    def classes_at(moved: Decimal) -> Codes:
        """Classes with every cut-off moved by so many percentage points."""
        result = np.searchsorted(_limits(options, whole, moved), before, side="right")
        return _unordered(np.where(ranked > 0, result, last).astype(np.int8), order)

    raw = classes_at(Decimal(0))
    return Abc(
        values=values,
        rank=_unordered(first + 1, order),
        share=_percent(positive, whole),
        cumulative_share=_unordered(_percent(before, whole), order),
        raw_classes=raw,
        classes=raw if previous is None else _kept(previous, raw, classes_at, options),
        total=whole,
    )


def _first_of_equals(ranked: Exact) -> Integers:
    """The index of the first item of the same value, for each."""
    index = np.arange(len(ranked))
    new = np.ones(len(ranked), dtype=np.bool_)
    new[1:] = ranked[1:] != ranked[:-1]
    return np.maximum.accumulate(np.where(new, index, 0))


def _limits(options: AbcOptions, whole: int, moved: Decimal) -> Exact:
    """The least value that reaches each cut-off but the last, every one moved by so many points."""
    limits, reached = list[int](), moved
    for share in options.shares_percent[:-1]:
        reached += share
        limits.append(-(-Fraction(reached) * whole // WHOLE))
    return compact(np.array(limits, dtype=object))


def _kept(
    previous: Codes, raw: Codes, classes_at: Callable[[Decimal], Codes], options: AbcOptions
) -> Codes:
    """The previous class as far as the hysteresis allows."""
    if len(previous) != len(raw):
        raise PlanningError("previous", f"{len(previous)} classes for {len(raw)} items")
    moved = options.hysteresis_percent
    highest, lowest = classes_at(moved), classes_at(-moved)
    kept = np.clip(previous, highest, lowest)
    return np.where(previous == NEW, raw, kept).astype(np.int8)


def _percent(values: Exact, whole: int) -> Floats:
    if whole == 0:
        return np.zeros(len(values))
    return rounded(WHOLE * floats(values) / float(whole))


def _unordered(ranked: npt.NDArray[Any], order: Integers) -> npt.NDArray[Any]:
    """What was computed in the order of rank, in the order of the items."""
    result = np.empty_like(ranked)
    result[order] = ranked
    return result
