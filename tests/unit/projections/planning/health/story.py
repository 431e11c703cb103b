"""Histories in plain Python: rows of days from events, and what stock health must be of them.

The model goes day by day and event by event, with fractions; it shares nothing with the code.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from projections.planning.days import COLUMNS, Days
from projections.planning.health.parameters import HealthParameters

Row = dict[str, int]
Series = tuple[str, str]
History = dict[Series, dict[int, Row]]

INWARD = {"received": "received_value", "found": "found_value", "returned": None, "moved_in": None}
OUTWARD = {
    "issued": "issued_value", "scrapped": "scrapped_value", "lost": "lost_value",
    "supplier_returned": None, "moved_out": None,
}  # fmt: skip
LINES = {"issued": "issue_lines", "returned": "return_lines", "unmet": "unmet_lines"}


@dataclass(frozen=True)
class Event:
    """A movement, or a refusal where `flow` is unmet; `undone` is the day of its reversal."""

    series: Series
    day: int
    flow: str
    quantity: int
    value: int
    undone: int | None = None


def history(events: Iterable[Event]) -> History:
    """Rows by series and day: a flow is taken off its own day, a balance changes on the day of."""
    rows: History = defaultdict(lambda: defaultdict(lambda: dict.fromkeys(COLUMNS, 0)))
    for event in events:
        own = rows[event.series]
        if event.flow != "unmet":
            sign = 1 if event.flow in INWARD else -1
            _balance(own[event.day], event, sign)
            if event.undone is not None:
                _balance(own[event.undone], event, -sign)
        if event.undone is None:
            _flow(own[event.day], event)
    return rows


def _balance(row: Row, event: Event, sign: int) -> None:
    row["on_hand_net"] += sign * event.quantity
    row["available_net"] += sign * event.quantity
    row["value_net"] += sign * event.value


def _flow(row: Row, event: Event) -> None:
    row[event.flow] += event.quantity
    value = INWARD.get(event.flow) or OUTWARD.get(event.flow)
    if value:
        row[value] += event.value
    if event.flow in LINES:
        row[LINES[event.flow]] += 1


def columns(rows: Mapping[Series, Mapping[int, Row]], scales: Mapping[str, int]) -> Days:
    """The same in columns."""
    keys = sorted(rows)
    lengths = [len(rows[key]) for key in keys]
    flat = [(day, rows[key][day]) for key in keys for day in sorted(rows[key])]
    return Days(
        [sku for sku, _ in keys],
        [site for _, site in keys],
        np.array([scales.get(sku, 0) for sku, _ in keys], np.int8),
        np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64),
        np.array([day for day, _ in flat], np.int32),
        {name: np.array([row[name] for _, row in flat], np.int64) for name in COLUMNS},
    )


def rounded(value: Fraction) -> int:
    """To the nearest integer, ties to the even one: what Python does with a fraction."""
    return round(value)


class Model:
    """One series, looked at day by day."""

    def __init__(self, rows: Mapping[int, Row], site: str, asked: HealthParameters) -> None:
        """`rows` by day."""
        self.rows, self.site, self.asked = rows, site, asked

    def total(self, name: str, first: int, last: int) -> int:
        return sum(row[name] for day, row in self.rows.items() if first <= day <= last)

    def balance(self, name: str, day: int) -> int:
        return sum(row[name] for one, row in self.rows.items() if one <= day)

    def days_of(self, name: str, first: int, last: int) -> int:
        return sum(self.balance(name, day) for day in range(first, last + 1))

    def known(self, last: int) -> int:
        return max(last - min(self.rows) + 1, 0) if self.rows else 0

    def recent(self, name: str, last: int) -> int:
        return self.total(name, last - self.asked.demand_days + 1, last)

    def judged(self, last: int) -> bool:
        known = self.known(last) >= self.asked.demand_days
        return known and self.balance("on_hand_net", last) > 0

    def excess(self, last: int) -> int:
        if not self.judged(last):
            return 0
        issued = max(self.recent("issued", last), 0)
        allowed = Fraction(issued * self.asked.excess_cover_days, self.asked.demand_days)
        return max(self.balance("on_hand_net", last) - rounded(allowed), 0)

    def excess_value(self, last: int) -> int:
        excess = self.excess(last)
        if not excess:
            return 0
        on_hand = self.balance("on_hand_net", last)
        return rounded(Fraction(self.balance("value_net", last) * excess, on_hand))

    def slow(self, last: int) -> int:
        if not self.judged(last):
            return 0
        issued = max(self.recent("issued", last), 0)
        if issued == 0:
            return 1
        cover = Fraction(self.balance("on_hand_net", last) * self.asked.demand_days, issued)
        return int(cover > self.asked.slow_cover_days)

    def aged(self, last: int) -> list[int]:
        """Units by age: the newest inflows are taken first, day by day backwards."""
        left = max(self.balance("on_hand_net", last), 0)
        limits = self.asked.ageing_days
        found = [0] * (len(limits) + 1)
        for day in sorted(self.rows, reverse=True):
            if day > last:
                continue
            taken = min(self.inflow(self.rows[day]), left)
            place = next((n for n, limit in enumerate(limits) if last - day <= limit), len(limits))
            found[place] += taken
            left -= taken
        found[-1] += left
        return found

    def inflow(self, row: Row) -> int:
        """Returns count as far as the day's change of on hand says that they came to stock."""
        came = row["received"] + row["found"]
        moved = row["moved_in"]
        went = sum(row[flow] for flow in OUTWARD)
        room = max(row["on_hand_net"] + went - came - moved, 0)
        return came + min(row["returned"], room) + (moved if self.site else 0)

    def aged_value(self, last: int) -> list[int]:
        on_hand, value = self.balance("on_hand_net", last), self.balance("value_net", last)
        edges, reached = [0], 0
        for quantity in self.aged(last):
            reached += quantity
            edges.append(rounded(Fraction(value * reached, on_hand)) if on_hand > 0 else 0)
        return [after - before for before, after in pairwise(edges)]
