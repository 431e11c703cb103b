"""Demand in buckets: what counts, sums of any size, and a slow second computation of all of it."""

import statistics as plain
from datetime import date, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning import demand_statistics
from projections.planning.bucket_axis import Bucket
from projections.planning.bucket_rows import DailyDemand
from projections.planning.demand_statistics import DemandStatistics, statistics
from projections.planning.errors import PlanningError
from tests.unit.projections.planning import retail

EPOCH = date(1970, 1, 1)
LAST = (date(2024, 3, 31) - EPOCH).days  # a Sunday, and the end of a month

Spells = list[tuple[int, int]]


def demand_of(
    *series: dict[int, int],
    first: list[int] | None = None,
    closed: tuple[int, ...] = (),
    out: list[Spells] | None = None,
    days: int = 91,
) -> DailyDemand:
    """Series by day, counted back from the last day, which is 0."""
    rows = [sorted((LAST - ago, quantity) for ago, quantity in one.items()) for one in series]
    spells = [sorted((LAST - a, LAST - b + 1) for a, b in one) for one in out or []]
    flat = [row for one in rows for row in one]
    flat_spells = [spell for one in spells for spell in one]
    return DailyDemand(
        starts=np.cumsum([0, *map(len, rows)]),
        day=np.array([day for day, _ in flat], dtype=np.int32),
        quantity=np.array([quantity for _, quantity in flat], dtype=np.int64),
        first_day=np.array(first or [LAST - days + 1] * len(series)),
        last_day=LAST,
        open_days=np.array([ago not in closed for ago in range(days - 1, -1, -1)]),
        open_from=LAST - days + 1,
        out_starts=np.cumsum([0, *map(len, spells)]) if out else None,
        out_first=np.array([spell[0] for spell in flat_spells], np.int32) if out else None,
        out_until=np.array([spell[1] for spell in flat_spells], np.int32) if out else None,
    )


def test_days_without_rows_are_zeros() -> None:
    found = statistics(demand_of({0: 3, 1: 5}, days=4), "day")
    assert found.buckets.tolist() == [4]
    assert found.total.tolist() == [8]
    assert found.mean.tolist() == [2.0]
    assert found.deviation.tolist() == [round(plain.stdev([0, 0, 5, 3]), 6)]
    assert found.cv.tolist() == [round(plain.stdev([0, 0, 5, 3]) / 2, 6)]
    assert found.interval.tolist() == [2.0]
    assert found.size_cv_squared.tolist() == [round(plain.variance([3, 5]) / 16, 6)]


def test_weeks_end_on_the_last_day_and_none_is_cut() -> None:
    # Two whole weeks fit into 20 days; what lies before them does not count.
    found = statistics(demand_of({0: 1, 6: 2, 7: 4, 13: 8, 14: 100}, days=20), "week")
    assert found.buckets.tolist() == [2]
    assert found.total.tolist() == [15]
    assert found.squares.tolist() == [3 * 3 + 12 * 12]


def test_months_are_those_of_the_calendar() -> None:
    # From 2024-01-15: February (29 days) and March are whole.
    found = statistics(demand_of({0: 1, 30: 2, 31: 4, 59: 8, 60: 100}, days=77), "month")
    assert found.buckets.tolist() == [2]
    assert found.squares.tolist() == [3 * 3 + 12 * 12]


def test_a_month_that_begins_on_the_first_day_is_whole() -> None:
    assert statistics(demand_of({}, days=91), "month").buckets.tolist() == [3]
    assert statistics(demand_of({}, days=90), "month").buckets.tolist() == [2]


def test_a_series_begins_with_its_first_day() -> None:
    first = [LAST - 9, LAST - 6, LAST, LAST + 1]
    demand = demand_of({0: 1}, {0: 1}, {0: 1}, {}, first=first, days=30)
    assert statistics(demand, "day").buckets.tolist() == [10, 7, 1, 0]
    assert statistics(demand, "week").buckets.tolist() == [1, 1, 0, 0]


def test_no_history_and_one_day_have_no_deviation() -> None:
    found = statistics(demand_of({}, {0: 5}, first=[LAST + 1, LAST], days=30), "day")
    assert np.isnan(found.mean).tolist() == [True, False]
    assert np.isnan(found.deviation).all()
    assert np.isnan(found.cv).all()
    assert np.isnan(found.interval).tolist() == [True, False]
    assert found.size_cv_squared.tolist()[1] == 0.0


def test_only_returns_and_negative_sums_have_no_variation() -> None:
    found = statistics(demand_of({0: -3, 2: -1}, {0: -3, 2: 1}, {0: 2, 2: -2}, days=4), "day")
    assert found.total.tolist() == [-4, -2, 0]
    assert np.isnan(found.cv).all()
    assert found.demand_buckets.tolist() == [0, 1, 1]
    assert found.demand_total.tolist() == [0, 1, 2]
    assert found.deviation.tolist()[1] == round(plain.stdev([0, -3, 0, 1]), 6)


def test_closed_days_do_not_count_unless_they_saw_demand() -> None:
    found = statistics(demand_of({0: 4}, {1: 4}, closed=(1, 2), days=4), "day")
    assert found.buckets.tolist() == [2, 3]


def test_days_without_stock_do_not_count_unless_they_saw_demand() -> None:
    demand = demand_of({0: 4, 3: 2}, {}, days=6, out=[[(4, 2)], [(5, 5), (4, 4), (0, 0)]])
    assert statistics(demand, "day").buckets.tolist() == [6 - 2, 6 - 3]


def test_a_week_counts_unless_the_stock_was_out_in_all_of_it() -> None:
    spells: list[Spells] = [[(13, 11), (10, 7)], [(13, 8)], [(13, 7)]]
    demand = demand_of({}, {}, {9: 1}, days=21, out=spells)
    assert statistics(demand, "week").buckets.tolist() == [2, 3, 3]


def test_a_spell_without_stock_covers_a_week_that_is_open_only_then() -> None:
    demand = demand_of({}, closed=(12, 13), days=21, out=[[(11, 7)]])
    assert statistics(demand, "week").buckets.tolist() == [2]


def test_squares_beyond_64_bits_are_exact() -> None:
    large = 3 * 10**15 + 1
    found = statistics(demand_of({0: 7}, {0: large, 1: large - 2}, {1: 2}, days=3), "day")
    assert found.squares.tolist() == [49, large**2 + (large - 2) ** 2, 4]
    spread = 3 * (large**2 + (large - 2) ** 2) - (2 * large - 2) ** 2
    assert found.deviation.tolist()[1] == pytest.approx((spread / 6) ** 0.5, rel=1e-15)
    # In 64 bits, or in floats, nothing would be left of this difference.
    close = statistics(demand_of({0: large, 1: large + 1}, days=2), "day")
    assert close.cv.tolist() == [0.0]
    assert close.deviation.tolist() == [0.707107]


def test_a_week_beyond_64_bits_is_exact() -> None:
    huge = 2**61
    found = statistics(demand_of(dict.fromkeys(range(7), huge), {0: 1}, days=14), "week")
    assert found.total.tolist() == [7 * huge, 1]
    assert found.cv.tolist() == [round(2**0.5, 6)] * 2


def test_an_unknown_bucket_is_refused() -> None:
    with pytest.raises(PlanningError, match="bucket: 'year' is none of day, week, month"):
        statistics(demand_of({}), "year")  # type: ignore[arg-type]


def test_no_series_at_all() -> None:
    assert len(statistics(demand_of(first=[]), "week")) == 0


quantities = st.integers(-3, 9) | st.just(10**12)
one_series = st.dictionaries(st.integers(0, 39), quantities, max_size=20)
spells = st.lists(st.integers(0, 39), max_size=4, unique=True).map(
    lambda ends: [(a, b) for b, a in zip(*[iter(sorted(ends))] * 2, strict=False)]
)


def _slowly(
    one: dict[int, int], first: int, closed: set[int], out: Spells, bucket: Bucket
) -> list[int]:
    """What fell into each bucket that counts, day by day."""
    found: dict[object, list[int]] = {}
    for ago in range(LAST - first + 1):
        day = EPOCH + timedelta(days=LAST - ago)
        key = {"day": ago, "week": ago // 7, "month": (day.year, day.month)}[bucket]
        found.setdefault(key, []).append(ago)
    counted = []
    for days in found.values():
        begins = EPOCH + timedelta(days=LAST - max(days))
        cut = {"day": False, "week": len(days) < 7, "month": begins.day != 1}[bucket]
        demand = sum(one.get(ago, 0) for ago in days)
        usable = [ago for ago in days if ago not in closed]
        dark = all(any(a >= ago >= b for a, b in out) for ago in usable)
        if not cut and (demand or (usable and not dark)):
            counted.append(demand)
    return counted


@given(
    st.lists(st.tuples(one_series, st.integers(0, 40), spells), max_size=5),
    st.sets(st.integers(0, 39), max_size=10),
    st.sampled_from(["day", "week", "month"]),
)
def test_a_slow_computation_agrees(
    series: list[tuple[dict[int, int], int, Spells]], closed: set[int], bucket: Bucket
) -> None:
    """Every figure by fractions, from the list of buckets."""
    first = [LAST - age + 1 for _, age, _ in series]
    demand = demand_of(
        *(one for one, _, _ in series),
        first=first,
        closed=tuple(closed),
        out=[out for _, _, out in series],
        days=40,
    )
    found = statistics(demand, bucket)
    for index, (one, _, out) in enumerate(series):
        counted = _slowly(one, first[index], closed, out, bucket)
        n, total = len(counted), sum(counted)
        sizes = [one for one in counted if one > 0]
        assert found.buckets[index] == n
        assert found.total[index] == total
        assert found.demand_buckets[index] == len(sizes)
        assert found.demand_squares[index] == sum(size * size for size in sizes)
        _close(found.mean[index], Fraction(total, n) if n else None)
        spread = plain.variance(map(Fraction, counted)) if n > 1 else None
        _close(found.deviation[index] ** 2, spread)
        known = spread is not None and total > 0
        _close(found.cv[index] ** 2, spread * n * n / Fraction(total) ** 2 if known else None)  # type: ignore[operator]
        _close(found.interval[index], Fraction(n, len(sizes)) if sizes else None)


def _close(found: float, expected: Fraction | None) -> None:
    if expected is None:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(float(expected), rel=1e-5, abs=2e-6)


def test_chunks_change_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    _, demand = retail.daily_demand()
    whole = statistics(demand, "day")
    monkeypatch.setattr(demand_statistics, "CHUNK_SERIES", 70)
    _same(whole, statistics(demand, "day"))


def _same(left: DemandStatistics, right: DemandStatistics) -> None:
    for name in DemandStatistics.__slots__:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name))


def test_the_retailers_days_agree_with_pandas() -> None:
    sales = retail.sales()
    skus, demand = retail.daily_demand()
    found = statistics(demand, "day")
    table = sales.pivot_table(index="sku", columns="day", values="quantity", aggfunc="sum")
    table = table.reindex(columns=range(retail.FIRST, retail.LAST + 1)).fillna(0)
    assert skus == table.index.tolist()
    assert found.total.tolist() == table.sum(axis=1).tolist()
    assert found.mean.tolist() == table.mean(axis=1).round(6).tolist()
    np.testing.assert_allclose(found.deviation, table.std(axis=1), rtol=0, atol=6e-7)
    np.testing.assert_allclose(found.cv, table.std(axis=1) / table.mean(axis=1), rtol=0, atol=6e-7)
