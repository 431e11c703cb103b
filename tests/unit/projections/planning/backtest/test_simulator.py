"""The replay by arrays is the replay by hand; the future changes no past proposal."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.planning.backtest.demand import Demand, Past, drawn, keys_of, past_of
from projections.planning.backtest.results import result
from projections.planning.backtest.simulator import Levels, Outcome, Policy, Settings, simulate
from projections.planning.errors import PlanningError

COSTS = (2_000_000, 500_000, 0)


def _demand(rows: list[list[int]]) -> Demand:
    count = len(rows)
    table = np.array(rows, np.int64).reshape(count, len(rows[0]) if rows else 0)
    skus = [f"S{number}" for number in range(count)]
    return Demand(skus, 15_000, table, np.array(COSTS[:count], np.int64))


def _fixed(point: int, level: int) -> Policy:
    def policy(past: Past) -> Levels:
        count = len(past.skus)
        return Levels(np.full(count, point, np.int64), np.full(count, level, np.int64))

    return policy


def _of_history(past: Past) -> Levels:
    """Levels that depend on all that was seen."""
    seen = past.quantities.sum(axis=1)
    return Levels(seen // 3, seen)


@dataclass
class Shelf:
    """One SKU by hand: a list of what is on its way instead of columns."""

    on_hand: int = 0
    active: bool = False
    backlog: int = 0
    missed: bool = False
    coming: list[tuple[int, int]] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_names(), 0))

    def serve(self, asked: int, *, backorders: bool) -> None:
        served = min(asked, self.on_hand)
        self.on_hand -= served
        if backorders:
            self.backlog += asked - served
        self.missed = self.missed or served < asked
        self.add(demanded=asked, served=served, demand_days=asked > 0)
        self.add(stock_out_days=served < asked)

    def receive(self, day: int) -> None:
        due = sum(quantity for when, quantity in self.coming if when == day)
        self.coming = [one for one in self.coming if one[0] != day]
        if due == 0:
            return
        owed = min(self.backlog, due)
        self.backlog -= owed
        self.on_hand += due - owed
        self.add(cycles=1, cycles_served=not self.missed)
        self.missed = False

    def order(self, point: int, level: int, arrival: int) -> None:
        position = self.on_hand + sum(quantity for _, quantity in self.coming) - self.backlog
        if position <= point and level > position:
            self.coming.append((arrival, level - position))
            self.add(orders=1, ordered=level - position)

    def add(self, **amounts: int) -> None:
        for name, amount in amounts.items():
            self.counted[name] += amount


def _names() -> list[str]:
    return [one.name for one in fields(Outcome)]


def _by_hand(demand: Demand, policy: Policy, asked: Settings) -> list[dict[str, int]]:
    shelves = [Shelf() for _ in demand.skus]
    keys = keys_of(demand.skus)
    levels = None
    for day in range(asked.warm_up_days, demand.days):
        since = day - asked.warm_up_days
        if since % asked.revise_days == 0:
            levels = policy(past_of(demand, day))
        assert levels is not None
        leads = drawn(asked.seed, keys, day, asked.lead_days_min, asked.lead_days_max)
        for number, shelf in enumerate(shelves):
            level = int(levels.order_up_to[number])
            seen = demand.quantities[number, :day].sum()
            if since % asked.revise_days == 0 and not shelf.active and seen > 0:
                shelf.active, shelf.on_hand = True, level
                shelf.add(opened=level)
            if not shelf.active:
                continue
            shelf.serve(int(demand.quantities[number, day]), backorders=asked.backorders)
            shelf.receive(day)
            if since % asked.review_days == 0:
                shelf.order(int(levels.reorder_point[number]), level, day + int(leads[number]))
                if leads[number] == 0:
                    shelf.receive(day)
            shelf.add(days=1, on_hand_days=shelf.on_hand)
    return [shelf.counted for shelf in shelves]


replays = st.builds(
    Settings,
    warm_up_days=st.integers(0, 4),
    revise_days=st.integers(1, 5),
    review_days=st.integers(1, 3),
    lead_days_min=st.integers(0, 2),
    lead_days_max=st.integers(2, 5),
    backorders=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
)
days = st.integers(1, 25)
tables = days.flatmap(
    lambda length: st.lists(
        st.lists(st.integers(0, 6), min_size=length, max_size=length), min_size=1, max_size=3
    )
)
policies = st.sampled_from([_fixed(3, 8), _fixed(0, 0), _fixed(5, 5), _of_history])


@settings(max_examples=200, deadline=None)
@given(tables, policies, replays)
def test_all_skus_at_once_is_each_by_hand(
    rows: list[list[int]], policy: Policy, asked: Settings
) -> None:
    """Lost or waiting demand, any lead times, any policy."""
    demand = _demand(rows)
    found = asdict(simulate(demand, policy, asked))
    by_hand = _by_hand(demand, policy, asked)
    for number, counted in enumerate(by_hand):
        assert {name: int(values[number]) for name, values in found.items()} == counted


@settings(max_examples=100, deadline=None)
@given(tables, replays, st.data())
def test_the_future_changes_no_past_proposal(
    rows: list[list[int]], asked: Settings, data: st.DataObject
) -> None:
    """Up to the day from which demand differs, a policy sees and proposes the same."""
    cut = data.draw(st.integers(0, len(rows[0])))
    other = [
        row[:cut] + data.draw(st.lists(st.integers(0, 99), min_size=len(row) - cut,
                                       max_size=len(row) - cut))
        for row in rows
    ]  # fmt: skip
    proposals = []
    for table in (rows, other):
        made: list[tuple[int, list[int], list[int]]] = []

        def policy(past: Past, made: Any = made) -> Levels:
            levels = _of_history(past)
            day = past.quantities.shape[1]
            made.append((day, levels.reorder_point.tolist(), levels.order_up_to.tolist()))
            return levels

        simulate(_demand(table), policy, asked)
        proposals.append([one for one in made if one[0] <= cut])
    assert proposals[0] == proposals[1]


def test_a_replay_on_paper() -> None:
    """Four days of lead time; 10 a day from 30 at most; ordered at 10 or below."""
    demand = _demand([[10] * 12])
    asked = Settings(warm_up_days=1, lead_days_min=4, lead_days_max=4)
    found = simulate(demand, _fixed(10, 30), asked)
    # Ends of days: 20, 10 (20 ordered), 0, 0, 0, 0 + 20, 10 (20 ordered), 0, 0, 0, 0 + 20.
    assert found.on_hand_days.tolist() == [20 + 10 + 0 + 0 + 0 + 20 + 10 + 0 + 0 + 0 + 20]
    assert found.orders.tolist() == [2]
    assert (found.cycles.tolist(), found.cycles_served.tolist()) == ([2], [0])
    assert found.stock_out_days.tolist() == [6]
    assert (found.demanded.tolist(), found.served.tolist()) == ([110], [50])
    summed = result(demand, found)
    assert (summed.fill_rate, summed.demand_days_served) == (454_545, 454_545)
    assert (summed.cycle_service, summed.average_units) == (0, 7_272_727)
    assert summed.average_value == 14_545_455


def test_nothing_to_replay() -> None:
    """No SKUs, no days after the warm-up, no demand at all: nothing is divided by."""
    for demand in (_demand([]), _demand([[5, 5]]), _demand([[0] * 90])):
        summed = result(demand, simulate(demand, _fixed(1, 2), Settings()))
        assert (summed.skus, summed.demanded, summed.orders) == (0, 0, 0)
        assert summed.fill_rate is None
        assert summed.average_units is None


def test_only_chosen_skus_are_summed() -> None:
    """A class, say."""
    demand = _demand([[4] * 9, [2] * 9])
    outcome = simulate(demand, _fixed(9, 9), Settings(warm_up_days=1))
    assert result(demand, outcome, np.array([False, True])).demanded == 16
    assert result(demand, outcome).demanded == 48


@pytest.mark.parametrize(
    ("field_name", "asked"),
    [
        ("warm_up_days", {"warm_up_days": -1}),
        ("revise_days", {"revise_days": 0}),
        ("review_days", {"review_days": 0}),
        ("lead_days_min", {"lead_days_min": 8}),
        ("lead_days_min", {"lead_days_min": -1}),
        ("seed", {"seed": -1}),
    ],
)
def test_settings_out_of_bounds_are_named(field_name: str, asked: dict[str, int]) -> None:
    """One error, that names the field."""
    with pytest.raises(PlanningError) as caught:
        Settings(**asked)  # type: ignore[arg-type]
    assert caught.value.field == field_name


@pytest.mark.parametrize(
    ("name", "point", "level"),
    [
        ("reorder_point", np.array([-1]), np.array([1])),
        ("reorder_point", np.array([1.0]), np.array([1])),
        ("reorder_point", np.array([1, 2]), np.array([1])),
        ("order_up_to", np.array([5]), np.array([4])),
    ],
)
def test_what_are_no_levels_is_refused(name: str, point: Any, level: Any) -> None:
    """A policy that proposes nonsense is named, not followed."""
    with pytest.raises(PlanningError) as caught:
        simulate(_demand([[1, 1]]), lambda _: Levels(point, level), Settings(warm_up_days=1))
    assert caught.value.field == name
