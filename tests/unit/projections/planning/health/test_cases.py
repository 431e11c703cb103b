"""Stock health in numbers that can be followed on paper, and what bad input becomes."""

from typing import Any

import numpy as np
import pytest

from projections.planning.errors import PlanningError
from projections.planning.health.figures import MICRO, REASONS, figures
from projections.planning.health.groups import by_group
from projections.planning.health.measures import measure
from projections.planning.health.parameters import (
    HealthParameters,
    buckets,
)
from tests.unit.projections.planning.health.story import Event, columns, history

A = ("A", "")
MONDAY = 14_949  # 6 December 2010
EURO = 1_000_000


def _health(events: list[Event], scale: int = 0, **asked: Any) -> dict[str, list[int | str]]:
    """Each figure of the one series, a number or the reason for none in each bucket."""
    given: dict[str, Any] = {"first_day": MONDAY, "last_day": MONDAY + 9, "bucket": "whole"}
    parameters = HealthParameters(**{**given, "demand_days": 10, **asked})
    days = columns(history(events), {"A": scale})
    found = figures(measure(days, parameters), parameters)
    return {
        name: [
            REASONS[reason] or int(value)
            for value, reason in zip(one.values[0], one.reasons[0], strict=True)
        ]
        for name, one in found.items()
    }


def test_ten_days_on_paper() -> None:
    """100 pieces at 2.00 come on the first day; 10 leave on the fourth, 30 on the ninth."""
    found = _health(
        [
            Event(A, MONDAY, "received", 100, 200 * EURO),
            Event(A, MONDAY + 3, "issued", 10, 20 * EURO),
            Event(A, MONDAY + 8, "issued", 30, 60 * EURO),
            Event(A, MONDAY + 8, "unmet", 10, 0),
        ],
        excess_cover_days=12,
        slow_cover_days=14,
    )
    # Ends of days: 3 · 100, 5 · 90, 2 · 60 = 870 pieces, 1,740.00.
    assert found["average_on_hand"] == [87 * MICRO]
    assert found["average_value"] == [174 * EURO]
    assert found["turnover"] == [459_770]  # 80 / 174
    assert found["turnover_per_year"] == [16_781_609]  # 80 · 365 / 1,740
    assert found["carrying_cost"] == [1_191_781]  # 0.25 · 1,740 / 365
    assert found["fill_rate_units"] == [800_000]  # 40 / 50
    assert found["fill_rate_lines"] == [666_667]  # 2 / 3
    assert found["days_of_cover"] == [15 * MICRO]  # 60 / (40 / 10)
    assert found["excess"] == [12]  # 60 - 12 · 4
    assert found["excess_value"] == [24 * EURO]
    assert found["slow"] == [1]  # 15 days of cover, beyond 14
    assert found["slow_value"] == [120 * EURO]


def test_ageing_takes_the_newest_inflows() -> None:
    """50, then 20, then 5 came; 45 left: 5 are of the last, 20 of the second, 5 of the first."""
    found = _health(
        [
            Event(A, MONDAY - 30, "received", 50, 50 * EURO),
            Event(A, MONDAY + 5, "found", 20, 20 * EURO),
            Event(A, MONDAY + 6, "issued", 45, 45 * EURO),
            Event(A, MONDAY + 9, "returned", 5, 15 * EURO),
        ],
        ageing_days=(0, 4, 30),
    )
    assert [found[f"aged_{number}"] for number in range(4)] == [[5], [20], [0], [5]]
    # 40.00 over 30 pieces, cumulatively: 6.666667, 33.333333, 33.333333, 40.
    values = [found[f"aged_value_{number}"] for number in range(4)]
    assert values == [[6_666_667], [26_666_666], [0], [6_666_667]]


def test_returns_that_were_scrapped_at_once_never_came() -> None:
    """They make no stock young; those that came to stock do."""
    rows = history(
        [
            Event(A, MONDAY - 30, "received", 50, 50 * EURO),
            Event(A, MONDAY + 9, "returned", 4, 4 * EURO),
            Event(A, MONDAY + 9, "issued", 1, EURO),
        ]
    )
    rows[A][MONDAY + 9]["returned"] += 7
    parameters = HealthParameters(MONDAY, MONDAY + 9, "whole", ageing_days=(10,))
    found = figures(measure(columns(rows, {}), parameters), parameters)
    assert [int(found[name].values[0, 0]) for name in ("aged_0", "aged_1")] == [4, 49]


def test_goods_from_another_site_are_young_there_only() -> None:
    """What a site got from another counts as new at the site, not for both together."""
    parameters = HealthParameters(MONDAY, MONDAY + 40, "whole", ageing_days=(10,))
    rows = history(
        [
            Event(("A", "S"), MONDAY, "received", 7, 0),
            Event(("A", "S"), MONDAY + 35, "moved_in", 3, 0),
            Event(("B", ""), MONDAY, "received", 10, 0),
            Event(("B", ""), MONDAY + 35, "moved_in", 3, 0),
            Event(("B", ""), MONDAY + 35, "moved_out", 3, 0),
        ]
    )
    found = figures(measure(columns(rows, {}), parameters), parameters)
    assert found["aged_0"].values.tolist() == [[3], [0]]
    assert found["aged_1"].values.tolist() == [[7], [10]]


def test_a_reversed_issue_never_left() -> None:
    """What was issued and undone is no turnover; between the two it was not there."""
    received = Event(A, MONDAY, "received", 10, 10 * EURO)
    undone = Event(A, MONDAY + 2, "issued", 4, 4 * EURO, undone=MONDAY + 4)
    found = _health([received, undone])
    assert found["issued"] == [0]
    assert found["turnover"] == [0]
    assert found["on_hand"] == [10]
    assert found["average_on_hand"] == [9_200_000]  # (8 · 10 + 2 · 6) / 10
    assert found["days_of_cover"] == ["nothing_issued"]


def test_a_reversed_receipt_never_came() -> None:
    """Its stock was there until it was undone, and has no age."""
    undone = Event(A, MONDAY, "received", 10, 10 * EURO, undone=MONDAY + 5)
    found = _health([undone])
    assert found["on_hand"] == [0]
    assert found["average_on_hand"] == [5 * MICRO]
    assert {tuple(found[f"aged_{number}"]) for number in range(6)} == {(0,)}


def test_shrinkage_and_waste_are_against_what_was_issued() -> None:
    """Found goods make up for lost ones, scrap stands apart."""
    found = _health(
        [
            Event(A, MONDAY, "received", 100, 100 * EURO),
            Event(A, MONDAY + 1, "lost", 6, 6 * EURO),
            Event(A, MONDAY + 2, "found", 2, 2 * EURO),
            Event(A, MONDAY + 3, "scrapped", 3, 3 * EURO),
            Event(A, MONDAY + 4, "issued", 40, 40 * EURO),
        ]
    )
    assert found["shrinkage_value"] == [4 * EURO]
    assert found["shrinkage_rate"] == [100_000]
    assert found["waste_rate"] == [75_000]


def test_a_series_known_too_short_is_not_judged() -> None:
    """New goods are neither slow nor in excess before demand had its days."""
    new = [Event(A, MONDAY + 1, "received", 10, 10 * EURO)]
    found = _health(new)
    assert (found["unjudged"], found["slow"], found["excess"]) == ([1], [0], [0])
    later = _health(new, last_day=MONDAY + 10)
    assert (later["unjudged"], later["slow"], later["excess"]) == ([0], [1], [10])


def test_without_history_there_is_no_number() -> None:
    """No rows, rows after the window, and no series at all."""
    later = [Event(A, MONDAY + 50, "received", 10, EURO)]
    for events in (later, [Event(A, MONDAY + 50, "issued", 1, 1)]):
        found = _health(events)
        assert found["turnover"] == ["no_stock_value"]
        assert found["fill_rate_units"] == ["no_demand"]
        assert found["days_of_cover"] == ["no_history"]
        assert found["average_on_hand"] == [0]
    parameters = HealthParameters(MONDAY, MONDAY + 9)
    nothing = columns({}, {})
    assert figures(measure(nothing, parameters), parameters)["value"].values.shape == (0, 1)
    totals = by_group(nothing, parameters, np.zeros(0, np.int64), 1)
    assert totals["turnover"].values.tolist() == [[0]]
    assert REASONS[totals["turnover"].reasons[0, 0]] == "no_stock_value"


def test_one_day_of_history() -> None:
    """Demand is taken from the days that the series is known for, here one."""
    one_day = [
        Event(A, MONDAY, "received", 10, 10 * EURO),
        Event(A, MONDAY, "issued", 4, 4 * EURO),
    ]
    found = _health(one_day, last_day=MONDAY)
    assert found["days_of_cover"] == [1_500_000]
    assert found["turnover"] == [666_667]


def test_only_returns() -> None:
    """They are stock and no demand, and an unbooked negative balance has no age and no cover."""
    found = _health([Event(A, MONDAY, "returned", 4, 4 * EURO)])
    assert (found["issued"], found["turnover"]) == ([0], [0])
    assert found["fill_rate_units"] == ["no_demand"]
    assert found["aged_0"] == [4]
    below = _health([Event(A, MONDAY, "issued", 4, 4 * EURO)])
    assert (below["on_hand"], below["aged_0"], below["days_of_cover"]) == ([-4], [0], [0])
    assert below["turnover"] == ["no_stock_value"]


def test_goods_without_cost_turn_over_by_no_value() -> None:
    """Quotients of value have no number; those of units have."""
    found = _health([Event(A, MONDAY, "received", 9, 0), Event(A, MONDAY + 1, "issued", 3, 0)])
    assert found["turnover"] == ["no_stock_value"]
    assert found["shrinkage_rate"] == ["nothing_issued"]
    assert found["days_of_cover_value"] == ["nothing_issued"]
    assert found["days_of_cover"] == [20 * MICRO]
    assert found["carrying_cost"] == [0]


def test_sums_beyond_64_bits_are_exact() -> None:
    """Values of the largest size over many days."""
    found = _health(
        [Event(A, MONDAY - 1, "received", 10**18, 10**18), Event(A, MONDAY, "issued", 1, 7)],
        scale=6,
        last_day=MONDAY + 99,
        demand_days=100,
    )
    assert found["average_value"] == [10**18 - 7]
    assert found["average_on_hand"] == [10**18 - 1]
    assert found["days_of_cover"] == [(10**18 - 1) * 100 * MICRO]


@pytest.mark.parametrize(
    ("bucket", "firsts"),
    [
        ("day", [14_973, 14_974, 14_975, 14_976, 14_977, 14_978]),
        ("week", [14_973, 14_977]),
        ("month", [14_973, 14_975]),
        ("whole", [14_973]),
    ],
)
def test_buckets_follow_the_calendar(bucket: Any, firsts: list[int]) -> None:
    """From Thursday 30 December 2010 to Tuesday 4 January 2011."""
    cut = buckets(HealthParameters(14_973, 14_978, bucket))
    assert cut.first.tolist() == firsts
    assert cut.last.tolist() == [*(day - 1 for day in firsts[1:]), 14_978]
    assert int(cut.days.sum()) == 6


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("last_day", {"last_day": MONDAY - 1}),
        ("first_day", {"first_day": MONDAY - 50_000}),
        ("bucket", {"bucket": "year"}),
        ("demand_days", {"demand_days": 0}),
        ("excess_cover_days", {"excess_cover_days": 0}),
        ("slow_cover_days", {"slow_cover_days": -1}),
        ("carrying_rate", {"carrying_rate": -1}),
        ("carrying_rate", {"carrying_rate": 10_000_001}),
        ("ageing_days", {"ageing_days": ()}),
        ("ageing_days", {"ageing_days": (30, 30)}),
        ("ageing_days", {"ageing_days": (-1, 30)}),
        ("ageing_days", {"ageing_days": tuple(range(21))}),
    ],
)
def test_parameters_out_of_bounds_are_named(field: str, asked: dict[str, Any]) -> None:
    """One error, that names the field."""
    with pytest.raises(PlanningError) as caught:
        HealthParameters(**{"first_day": MONDAY, "last_day": MONDAY, **asked})
    assert caught.value.field == field


def test_too_many_buckets_are_refused() -> None:
    """A window of decades is not cut into days."""
    with pytest.raises(PlanningError) as caught:
        buckets(HealthParameters(MONDAY - 10_000, MONDAY, "day"))
    assert caught.value.field == "bucket"


def test_labels_are_those_of_groups() -> None:
    """A label for each series, each the number of a group."""
    days = columns(history([Event(A, MONDAY, "received", 1, 1)]), {})
    parameters = HealthParameters(MONDAY, MONDAY)
    for labels in ([], [1], [-1]):
        with pytest.raises(ValueError, match="label"):
            by_group(days, parameters, np.array(labels, np.int64), 1)
