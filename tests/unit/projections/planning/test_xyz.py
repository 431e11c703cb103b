"""XYZ, patterns of demand and velocity: cut-offs, what is not defined, hysteresis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning import patterns, velocity, xyz
from projections.planning.bucket_rows import DailyDemand
from projections.planning.demand_statistics import DemandStatistics, statistics
from projections.planning.errors import PlanningError
from projections.planning.patterns import PatternOptions
from projections.planning.velocity import NEVER, VelocityOptions
from projections.planning.xyz import NEW, XyzOptions

X, Y, Z = 0, 1, 2
LAST = 20_000


def of(*series: list[int]) -> DemandStatistics:
    """Statistics of series given by day, all of one length; zeros have no row."""
    days = len(series[0])
    rows = [[(LAST - days + 1 + at, x) for at, x in enumerate(one) if x] for one in series]
    flat = [row for one in rows for row in one]
    demand = DailyDemand(
        starts=np.cumsum([0, *map(len, rows)]),
        day=np.array([day for day, _ in flat], dtype=np.int32),
        quantity=np.array([quantity for _, quantity in flat], dtype=np.int64),
        first_day=np.full(len(series), LAST - days + 1),
        last_day=LAST,
    )
    return statistics(demand, "day")


def test_a_limit_belongs_to_the_steadier_class() -> None:
    # The first varies by 0.471405, a value of six decimals.
    steady = of([4, 2], [4, 2])
    assert steady.cv.tolist() == [0.471405] * 2
    assert xyz.classify(steady, XyzOptions(limits=("0.471405", "1"))).classes.tolist() == [X, X]
    assert xyz.classify(steady, XyzOptions(limits=("0.471404", "1"))).classes.tolist() == [Y, Y]
    assert xyz.classify(of([1, 0, 0, 0])).classes.tolist() == [Z]


def test_what_has_no_variation_is_z_with_a_reason() -> None:
    found = xyz.classify(of([0, 0], [-1, 0], [3, 3]))
    assert found.classes.tolist() == [Z, Z, X]
    assert [xyz.REASONS[code] for code in found.reasons] == ["no_demand", "no_demand", "measured"]
    short = xyz.classify(of([5]))
    assert short.classes.tolist() == [Z]
    assert [xyz.REASONS[code] for code in short.reasons] == ["too_few_buckets"]


def test_hysteresis_keeps_a_class_within_it() -> None:
    found = of([4, 2], [4, 2], [4, 2], [4, 2])
    options = XyzOptions(limits=("0.45", "1"), hysteresis="0.03")
    previous = np.array([X, Y, Z, NEW], dtype=np.int8)
    assert xyz.classify(found, options, previous).classes.tolist() == [X, Y, Y, Y]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"limits": ("1", "0.5")}, "limits"),
        ({"limits": ("0", "0.5")}, "limits"),
        ({"limits": ("0.5",)}, "limits"),
        ({"limits": ("0.5", "Infinity")}, "limits"),
        ({"hysteresis": "-0.1"}, "hysteresis"),
    ],
)
def test_limits_without_sense_are_refused(options: dict[str, object], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        XyzOptions(**options)  # type: ignore[arg-type]
    assert refused.value.field == field


@given(st.lists(st.lists(st.integers(0, 50), min_size=6, max_size=6), min_size=1, max_size=8))
def test_each_item_is_judged_alone_and_by_proportion(series: list[list[int]]) -> None:
    together = xyz.classify(of(*series)).classes.tolist()
    assert together == [xyz.classify(of(one)).classes[0] for one in series]
    assert together == xyz.classify(of(*([7 * x for x in one] for one in series))).classes.tolist()
    assert together == xyz.classify(of(*(one[::-1] for one in series))).classes.tolist()


def test_the_four_patterns_and_none() -> None:
    found = of(
        [4, 5, 4, 5, 4, 5, 4, 5],
        [1, 9, 1, 9, 1, 1, 9, 1],
        [4, 0, 5, 0, 4, 0, 5, 0],
        [1, 0, 9, 0, 1, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0],
    )
    assert [patterns.PATTERNS[code] for code in patterns.classify(found)] == [
        "smooth",
        "erratic",
        "intermittent",
        "lumpy",
        "no_demand",
    ]


def test_a_cut_off_belongs_to_the_harder_pattern() -> None:
    found = of([2, 0, 4, 0])
    assert (found.interval[0], found.size_cv_squared[0]) == (2.0, 0.222222)
    at = PatternOptions(interval="2", size_cv_squared="0.222222")
    above = PatternOptions(interval="2.000001", size_cv_squared="0.222223")
    assert patterns.classify(found, at).tolist() == [patterns.LUMPY]
    assert patterns.classify(found, above).tolist() == [patterns.SMOOTH]


def test_one_size_alone_does_not_vary() -> None:
    assert patterns.classify(of([0, 0, 7, 0])).tolist() == [patterns.INTERMITTENT]


@pytest.mark.parametrize(
    ("options", "field"),
    [({"interval": "0.99"}, "interval"), ({"size_cv_squared": "-1"}, "size_cv_squared")],
)
def test_cut_offs_of_patterns_are_checked(options: dict[str, str], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        PatternOptions(**options)
    assert refused.value.field == field


def test_velocity() -> None:
    found = velocity.classify(
        lines=np.array([40, 39, 4, 3, 90, 0, 0, 5]),
        last_demand_day=LAST - np.array([0, 9, 9, 99, 180, 0, 0, 3]),
        first_day=np.full(8, LAST - 119),
        last_day=LAST,
    )
    assert [velocity.VELOCITIES[code] for code in found.velocity] == [
        "fast", "medium", "medium", "slow", "dead", "slow", "slow", "medium",
    ]  # fmt: skip
    assert found.lines_per_month.tolist()[:4] == [10.0, 9.75, 1.0, 0.75]


def test_an_item_without_demand_is_new_before_it_is_dead() -> None:
    found = velocity.classify(
        lines=np.zeros(4, dtype=np.int64),
        last_demand_day=np.full(4, NEVER),
        first_day=LAST - np.array([-1, 28, 29, 179]),
        last_day=LAST,
    )
    assert [velocity.VELOCITIES[code] for code in found.velocity] == ["new", "new", "slow", "dead"]
    assert found.days_since_demand.tolist() == [-1] * 4
    assert found.days_known.tolist() == [0, 29, 30, 180]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"fast_lines": "1", "slow_lines": "2"}, "slow_lines"),
        ({"slow_lines": "-1"}, "slow_lines"),
        ({"dead_days": 0}, "dead_days"),
        ({"new_days": -1}, "new_days"),
    ],
)
def test_thresholds_of_velocity_are_checked(options: dict[str, object], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        VelocityOptions(**options)  # type: ignore[arg-type]
    assert refused.value.field == field
