"""Two stocks side by side. Nothing here reads, asks or writes.

All quantities are integers, scaled by the SKU's own scale.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import msgspec

from ledger.domain.quantities import COST_SCALE, parse
from ledger.domain.rejections import Rejected
from ops.reconciling.keys import Key, Leveller, StockKey

Doubled = Literal["sum", "refuse"]
Kind = Literal[
    "matched",
    "within_tolerance",
    "differing",
    "missing_in_ledger",
    "missing_in_statement",
    "unreadable",
]
# What is no difference.
GOOD: frozenset[Kind] = frozenset({"matched", "within_tolerance"})
LINES_KEPT_MAX = 20


class Stated(msgspec.Struct, frozen=True, gc=False):
    """A line of the statement: where it says how much lies. `quantity` is a decimal string.

    `problem` says why it has none, where only the quantity cannot be read.
    """

    line: int
    at: StockKey
    quantity: str = ""
    problem: str | None = None


class Unreadable(msgspec.Struct, frozen=True):
    """A line that says nothing certain, and the key it is about if that much is certain."""

    line: int
    detail: str
    key: Key | None = None


class Sum(msgspec.Struct):
    """What the statement says of a key: the quantity, from how many lines, and the first ones."""

    quantity: int = 0
    count: int = 0
    lines: list[int] = []


class Totals(msgspec.Struct):
    """The statement by key, and the lines that cannot be counted."""

    sums: dict[Key, Sum] = {}
    unreadable: list[Unreadable] = []


class Row(msgspec.Struct, frozen=True):
    """One key on both sides. None where the side does not have it.

    `adjusted` is what this statement has corrected already and `on_hand` does not have yet.
    """

    key: Key
    kind: Kind
    scale: int
    stated: int | None
    on_hand: int | None
    lines: tuple[int, ...] = ()
    line_count: int = 0
    adjusted: int = 0

    @property
    def difference(self) -> int:
        """What has to be added to the ledger to have what is stated."""
        return (self.stated or 0) - (self.on_hand or 0) - self.adjusted


class Tolerance(msgspec.Struct, frozen=True):
    """How far two quantities may be apart: millionths of the SKU's unit."""

    millionths: int = 0

    def covers(self, difference: int, scale: int) -> bool:
        """Whether a difference, scaled, is no more than it."""
        unit: int = 10 ** (COST_SCALE - scale)
        return abs(difference) * unit <= self.millionths


def total(
    lines: Iterable[Stated],
    leveller: Leveller,
    scale_of: Callable[[str], int],
    doubled: Doubled = "sum",
) -> Totals:
    """Add the lines up by key. Where lines of one key are refused, all of them are unreadable."""
    totals = Totals()
    for one in lines:
        key = leveller.key(one.at)
        quantity = _quantity(one, scale_of)
        if isinstance(quantity, str):
            totals.unreadable.append(Unreadable(one.line, quantity, key))
            continue
        found = totals.sums.setdefault(key, Sum())
        found.quantity += quantity
        found.count += 1
        if len(found.lines) < LINES_KEPT_MAX or doubled == "refuse":
            found.lines.append(one.line)
    if doubled == "refuse":
        _refuse_doubled(totals)
    return totals


def _quantity(one: Stated, scale_of: Callable[[str], int]) -> int | str:
    """The quantity, scaled, or what is wrong with it."""
    if one.problem is not None:
        return one.problem
    parsed = parse(one.quantity, scale_of(one.at.sku))
    return f"quantity: {parsed.detail}" if isinstance(parsed, Rejected) else parsed[0]


def _refuse_doubled(totals: Totals) -> None:
    for key, found in totals.sums.items():
        if found.count > 1:
            detail = f"{found.count} lines are of the same stock; the first is line "
            totals.unreadable += [
                Unreadable(line, f"{detail}{found.lines[0]}", key) for line in found.lines
            ]


def compare(
    totals: Totals,
    on_hand: Mapping[Key, int],
    scale_of: Callable[[str], int],
    tolerance: Tolerance,
    *,
    complete: bool = True,
) -> list[Row]:
    """Every key of either side once, in the order of the keys.

    Keys of a side that holds nothing of them (a zero, or not there) are equal to keys of the other
    that hold nothing. Where the statement is not `complete`, what it does not name is left out.
    """
    spoilt = {one.key for one in totals.unreadable if one.key is not None}
    keys = set(totals.sums) | spoilt
    if complete:
        keys.update(key for key, quantity in on_hand.items() if quantity)
    rows = []
    for key in sorted(keys, key=_order):
        stated, have = totals.sums.get(key), on_hand.get(key)
        scale = scale_of(key.sku)
        rows.append(
            Row(
                key,
                "unreadable" if key in spoilt else _kind(stated, have, scale, tolerance),
                scale,
                None if stated is None else stated.quantity,
                have,
                () if stated is None else tuple(stated.lines[:LINES_KEPT_MAX]),
                0 if stated is None else stated.count,
            )
        )
    return rows


def after_adjusting(row: Row, adjusted: int, tolerance: Tolerance) -> Row:
    """The row, where this statement has corrected it by so much and `on_hand` lacks that yet."""
    left = row.difference - adjusted
    kind = row.kind
    if kind not in GOOD and kind != "unreadable":
        if left == 0:
            kind = "matched"
        elif tolerance.covers(left, row.scale):
            kind = "within_tolerance"
    return msgspec.structs.replace(row, kind=kind, adjusted=adjusted)


def _kind(stated: Sum | None, on_hand: int | None, scale: int, tolerance: Tolerance) -> Kind:
    said = 0 if stated is None else stated.quantity
    difference = said - (on_hand or 0)
    if difference == 0:
        return "matched"
    if tolerance.covers(difference, scale):
        return "within_tolerance"
    if stated is None:
        return "missing_in_statement"
    return "differing" if on_hand else "missing_in_ledger"


def _order(key: Key) -> tuple[str, ...]:
    return tuple(part or "" for part in key)
