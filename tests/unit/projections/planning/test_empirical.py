"""The bootstrap: it agrees with the exact distribution, and is the same for everybody."""

import tracemalloc
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning import empirical
from projections.planning.bucket_rows import DailyDemand
from projections.planning.demand_statistics import statistics
from projections.planning.empirical import (
    BootstrapOptions,
    History,
    history_of,
    quantiles,
    rank_of,
)
from projections.planning.errors import PlanningError
from projections.planning.protected_days import ProtectedDays, fixed

Item = tuple[list[int], int]  # the sizes of the days with demand, and all days


def history(*items: Item, names: list[str] | None = None) -> History:
    sizes = [size for item, _ in items for size in item]
    return History(
        names or [f"SKU-{number}" for number in range(len(items))],
        np.cumsum([0, *(len(item) for item, _ in items)]),
        np.array(sizes, dtype=np.int64),
        np.array([days for _, days in items], dtype=np.int64),
    )


def quantile_of(item: Item, days: int, level: str = "0.95", **options: int) -> int:
    chosen = BootstrapOptions(**options)
    ranks = np.array([rank_of(Decimal(level), chosen.replicates)])
    return int(quantiles(history(item), fixed(np.array([days])), ranks, chosen)[0])


def distribution(item: Item, days: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The probability that at most so much is asked for in so many days, exactly."""
    sizes, all_days = item
    a_day = np.bincount(sizes, minlength=1) / all_days
    a_day[0] += 1 - len(sizes) / all_days
    total = np.ones(1)
    for _ in range(days):
        total = np.convolve(total, a_day)
    return np.cumsum(total)


@pytest.mark.parametrize("level", ["0.5", "0.9", "0.95", "0.99"])
@pytest.mark.parametrize(
    ("item", "days"),
    [
        (([1, 1, 2, 9, 4], 60), 10),
        (([5], 90), 14),
        (([3, 1, 1, 20] * 15, 365), 30),
        (([2, 3, 4], 4), 7),
        (([1, 2, 6], 3), 5),
        (([1] * 50, 100), 200),
    ],
)
def test_the_quantile_is_that_of_the_exact_distribution(item: Item, days: int, level: str) -> None:
    exact = distribution(item, days)
    found = quantile_of(item, days, level, replicates=20_000)
    # Five standard errors of a share of the replicates.
    error = 5 * (0.25 / 20_000) ** 0.5
    assert exact[found] >= float(level) - error
    assert found == 0 or exact[found - 1] <= float(level) + error


@pytest.mark.parametrize("level", ["0.5", "0.9", "0.95", "0.99"])
def test_times_that_vary_have_their_share(level: str) -> None:
    """The distribution is a mixture of those of each time; others of the chunk change nothing."""
    item = ([1, 1, 2, 9, 4], 60)
    protected = ProtectedDays(
        np.array([0, 1, 4, 5]), np.array([9, 2, 10, 40, 3]), np.array([1, 5, 3, 2, 1])
    )
    exact = np.zeros(400)
    for days, cases in ((2, 5), (10, 3), (40, 2)):
        found = distribution(item, days)
        exact += cases / 10 * np.append(found, np.ones(400 - len(found)))
    options = BootstrapOptions(20_000)
    ranks = np.full(3, rank_of(Decimal(level), options.replicates))
    past = history(item, item, item)
    quantile = int(quantiles(past, protected, ranks, options)[1])
    error = 5 * (0.25 / 20_000) ** 0.5
    assert exact[quantile] >= float(level) - error
    assert quantile == 0 or exact[quantile - 1] <= float(level) + error
    alone = ProtectedDays(np.array([0, 3]), protected.days[1:4], protected.cases[1:4])
    own = history(item, names=["SKU-1"])
    assert quantiles(own, alone, ranks[:1], options).tolist() == [quantile]


def test_fresh_demand_stays_within_it_as_often_as_asked() -> None:
    """The history is long, so that it says nearly all about the demand."""
    generator = np.random.default_rng(5)

    def days(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.where(generator.random(count) < 0.1, generator.geometric(0.2, count), 0)

    past = days(20_000)
    found = quantile_of((past[past > 0].tolist(), len(past)), 20, "0.95", replicates=10_000)
    totals = days(20 * 20_000).reshape(-1, 20).sum(axis=1)
    reached, below = (totals <= found).mean(), (totals <= found - 1).mean()
    assert below - 0.01 < 0.95 < reached + 0.01


def test_the_digits_are_the_same_on_every_machine() -> None:
    items = [([1, 7, 2, 30], 200), (list(range(1, 1000, 7)), 365), (list(range(997)), 2000)]
    found = quantiles(
        history(*items),
        fixed(np.array([21, 10, 45])),
        np.full(3, 95),
        BootstrapOptions(100, seed=42),
    )
    assert found.tolist() == [30, 3434, 14091]


@given(st.permutations(range(6)), st.integers(1, 6))
def test_neither_order_nor_company_changes_a_quantile(order: list[int], count: int) -> None:
    items = [([1 + 3 * one, 2, 9], 40 + one) for one in range(6)]
    days, names = np.arange(10, 16), [f"item {one}" for one in range(6)]
    options = BootstrapOptions(200, seed=3)
    ranks = np.full(6, rank_of(Decimal("0.9"), 200))
    together = quantiles(history(*items, names=names), fixed(days), ranks, options)
    chosen = order[:count]
    alone = history(*(items[one] for one in chosen), names=[names[one] for one in chosen])
    assert quantiles(alone, fixed(days[chosen]), ranks[chosen], options).tolist() == [
        together[one] for one in chosen
    ]


def test_chunks_change_no_quantile(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [([1 + one, 2, 9], 40) for one in range(9)]
    past, days, ranks = history(*items), fixed(np.arange(0, 27, 3)), np.full(9, 190)
    whole = quantiles(past, days, ranks, BootstrapOptions(200))
    monkeypatch.setattr(empirical, "_CELLS_MAX", 40)
    monkeypatch.setattr(empirical, "_DRAWS_MAX", 500)
    assert quantiles(past, days, ranks, BootstrapOptions(200)).tolist() == whole.tolist()


def test_the_draws_of_one_series_come_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest protected time times the most replicates would be gigabytes at once."""
    draws_max = 10_000
    monkeypatch.setattr(empirical, "_DRAWS_MAX", draws_max)
    tracemalloc.start()
    try:
        quantile_of(([1, 2, 3], 4), 400, replicates=1_000)
        _, bytes_max = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # A dozen arrays of 64 bits; all of the 300,000 draws would be thirty times as many.
    assert bytes_max < 12 * 8 * draws_max


def test_seeds_and_names_are_different_samples() -> None:
    item = (list(range(1, 60)), 200)
    by_seed = {quantile_of(item, 30, replicates=100, seed=seed) for seed in range(8)}
    past = history(*[item] * 8)
    by_name = quantiles(past, fixed(np.full(8, 30)), np.full(8, 95), BootstrapOptions(100))
    assert len(by_seed) > 2
    assert len({*by_name.tolist()}) > 2


@pytest.mark.parametrize(
    ("item", "days", "expected"),
    [(([], 0), 10, 0), (([], 30), 10, 0), (([4], 30), 0, 0), (([4], 1), 3, 12), (([-5], 1), 3, 0)],
)
def test_edges(item: Item, days: int, expected: int) -> None:
    assert quantile_of(item, days) == expected


@given(st.sampled_from([("0.5", "0.9"), ("0.9", "0.95"), ("0.95", "0.999")]), st.integers(0, 99))
def test_a_higher_level_is_no_lower_quantile(levels: tuple[str, str], seed: int) -> None:
    item = ([3, 8, 1, 1], 50)
    low, high = (quantile_of(item, 20, level, replicates=200, seed=seed) for level in levels)
    assert low <= high


def test_large_quantities_are_added_up_exactly() -> None:
    huge = 2**58
    assert quantile_of(([huge], 1), 7) == 7 * huge
    with pytest.raises(PlanningError, match="64 bits"):
        quantile_of(([huge], 1), 20)


@pytest.mark.parametrize(
    ("level", "replicates", "rank"), [("0.95", 1000, 950), ("0.95", 99, 95), ("0.999999", 100, 100)]
)
def test_ranks(level: str, replicates: int, rank: int) -> None:
    assert rank_of(Decimal(level), replicates) == rank


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"replicates": 99}, "replicates"),
        ({"replicates": 100_001}, "replicates"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
    ],
)
def test_options_without_sense_are_refused(options: dict[str, int], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        BootstrapOptions(**options)
    assert refused.value.field == field


def test_the_history_of_daily_demand() -> None:
    demand = DailyDemand(
        starts=np.array([0, 3, 3]),
        day=np.array([1, 5, 9], dtype=np.int32),
        quantity=np.array([7, 0, 4]),
        first_day=np.array([3, 0]),
        last_day=9,
    )
    found = history_of(demand, statistics(demand, "day").buckets, ["A", "B"])
    assert (found.starts.tolist(), found.sizes.tolist()) == ([0, 1, 1], [4])
    assert found.days.tolist() == [7, 10]
