"""Lead times: which observations count, the order of the fallbacks, what they come to."""

import statistics as plain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.errors import PlanningError
from projections.planning.lead_times import (
    NO_SUPPLIER,
    SOURCES,
    LeadTimeOptions,
    LeadTimes,
    Observed,
    by_order,
    choose,
    delayed,
)

DAY = 1440
NAN = float("nan")


def observed(*orders: tuple[int, int, float]) -> Observed:
    """Orders as (series, supplier, days)."""
    columns = list(zip(*orders, strict=True)) or [(), (), ()]
    return Observed(
        np.array(columns[0], dtype=np.int64),
        np.array(columns[1], dtype=np.int64),
        np.array([round(days * DAY) for days in columns[2]], dtype=np.int64),
    )


def sources(found: LeadTimes) -> list[str]:
    return [SOURCES[code] for code in found.source]


def test_the_order_of_the_fallbacks() -> None:
    seen = observed((0, 0, 5), (0, 0, 7), (1, 0, 9), (2, 1, 30))
    found = choose(
        seen,
        np.array([0, 0, 1, NO_SUPPLIER, NO_SUPPLIER]),
        np.array([99.0, 99.0, 12.5, 3.0, NAN]),
        LeadTimeOptions(observations_min=2, default_days="21"),
    )
    assert sources(found) == ["sku_and_supplier", "supplier", "agreed", "agreed", "default"]
    assert found.mean.tolist() == [6.0, 7.0, 12.5, 3.0, 21.0]
    assert found.deviation.tolist() == [round(2**0.5, 6), 2.0, 0.0, 0.0, 0.0]
    assert found.observations.tolist() == [2, 3, 0, 0, 0]


def test_orders_from_another_supplier_say_nothing() -> None:
    seen = observed((0, 1, 5), (0, 1, 7))
    found = choose(seen, np.array([0]), np.array([NAN]), LeadTimeOptions(observations_min=2))
    assert sources(found) == ["default"]


def test_nothing_observed_and_no_series() -> None:
    found = choose(observed(), np.array([2]), np.array([NAN]))
    assert sources(found) == ["default"]
    assert found.mean.tolist() == [14.0]
    assert len(choose(observed(), np.zeros(0, np.int64), np.zeros(0)).mean) == 0


def test_a_stated_deviation_for_what_was_not_observed() -> None:
    options = LeadTimeOptions(assumed_deviation="0.25")
    found = choose(observed(), np.array([0, 0]), np.array([8.0, NAN]), options)
    assert found.deviation.tolist() == [2.0, 3.5]


def test_an_order_in_parts_counts_once_by_quantity() -> None:
    first, minutes = by_order(
        np.array([7, 3, 7, 7]),
        np.array([2 * DAY, 4 * DAY, 6 * DAY, -50]),
        np.array([30, 1, 10, 0]),
    )
    assert first.tolist() == [1, 0]
    assert minutes.tolist() == [4 * DAY, 3 * DAY]


def test_a_receipt_before_its_order_took_no_time() -> None:
    assert by_order(np.array([1]), np.array([-5]), np.array([3]))[1].tolist() == [0]


def test_many_long_orders_stay_exact() -> None:
    days = [3650 - one % 3 for one in range(3000)]
    seen = observed(*((0, 0, day) for day in days))
    found = choose(seen, np.array([0]), np.array([NAN]))
    assert found.mean.tolist() == [round(plain.mean(days), 6)]
    assert found.deviation.tolist() == [round(plain.stdev(days), 6)]


def test_orders_of_another_age_stay_exact() -> None:
    """Of a mistyped year: the squares of their minutes alone pass 64 bits."""
    days = [*[700_000] * 10, *[7] * 10]
    orders = observed(*((0, 0, one) for one in days), (1, 1, 3), *[(1, 1, 5)] * 4)
    found = choose(orders, np.array([0, 1]), np.array([NAN, NAN]))
    assert found.mean.tolist() == [plain.mean(days), 4.6]
    assert found.deviation.tolist() == [
        round(plain.stdev(days), 6),
        round(plain.stdev([3, *[5] * 4]), 6),
    ]


def test_a_late_supplier() -> None:
    found = choose(observed(), np.array([0, 0]), np.array([8.0, 2.0]))
    assert delayed(found, np.array([3.5, -5.0])).mean.tolist() == [11.5, 0.0]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 60)), max_size=40))
def test_means_and_deviations_are_those_of_the_observations(
    orders: list[tuple[int, int, int]],
) -> None:
    supplier = np.array([0, 1, 2, 0])
    found = choose(
        observed(*orders), supplier, np.full(4, NAN), LeadTimeOptions(observations_min=2)
    )
    for series in range(4):
        own = [days for one, other, days in orders if (one, other) == (series, supplier[series])]
        all_his = [days for _, other, days in orders if other == supplier[series]]
        used = own if len(own) > 1 else all_his
        if len(used) > 1:
            assert found.mean[series] == pytest.approx(plain.mean(used), abs=1e-6)
            assert found.deviation[series] == pytest.approx(plain.stdev(used), abs=1e-6)
        else:
            assert SOURCES[found.source[series]] == "default"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"observations_min": 1}, "observations_min"),
        ({"default_days": "-1"}, "default_days"),
        ({"assumed_deviation": "-0.1"}, "assumed_deviation"),
    ],
)
def test_options_without_sense_are_refused(options: dict[str, object], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        LeadTimeOptions(**options)  # type: ignore[arg-type]
    assert refused.value.field == field
