"""A site's stock is worth its share of the SKU's value, on every day."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.planning.health import sites
from projections.planning.health.figures import figures
from projections.planning.health.groups import by_group
from projections.planning.health.measures import measure
from projections.planning.health.parameters import HealthParameters
from projections.planning.health.sites import SiteValues
from tests.unit.projections.planning.health.story import Event, Model, columns, history, rounded

FIRST = 15_000
SITES = [("A", "N"), ("A", "S"), ("A", "W"), ("B", "N"), ("C", "N"), ("C", "S")]
events = st.builds(
    Event,
    st.sampled_from(SITES),
    st.integers(FIRST - 3, FIRST + 12),
    st.sampled_from(["received", "issued", "moved_in", "moved_out", "lost", "unmet"]),
    st.one_of(st.integers(0, 40), st.integers(0, 10**16)),
    st.one_of(st.integers(0, 9_999_999), st.integers(0, 10**17)),
    st.one_of(st.none(), st.integers(FIRST - 3, FIRST + 12)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(events, max_size=30))
def test_every_day_has_its_share(made: list[Event]) -> None:
    """Whatever moved where; everything but the value stays as it was."""
    rows = history(made)
    parameters = HealthParameters(FIRST - 4, FIRST + 13, "day", demand_days=3)
    before = columns(rows, {})
    found = figures(measure(SiteValues(before).all(), parameters), parameters)
    plain = figures(measure(before, parameters), parameters)
    for name in ("on_hand", "issued", "unmet", "aged_0", "unjudged", "days_of_cover"):
        assert np.array_equal(found[name].values, plain[name].values), name
    models = {key: Model(rows[key], key[1], parameters) for key in sorted(rows)}
    for number, (sku, _) in enumerate(sorted(rows)):
        of_sku = [model for key, model in models.items() if key[0] == sku]
        for bucket, day in enumerate(range(FIRST - 4, FIRST + 14)):
            held = sum(model.balance("on_hand_net", day) for model in of_sku)
            value = sum(model.balance("value_net", day) for model in of_sku)
            own = list(models.values())[number].balance("on_hand_net", day)
            expected = rounded(Fraction(value * own, held)) if held > 0 else 0
            assert int(found["value"].values[number, bucket]) == expected


def test_a_site_that_only_issues_keeps_its_value() -> None:
    """Bought at 1.00 and 3.00, both are worth 2.00, though the one issues above its own cost."""
    rows = history(
        [
            Event(("A", "N"), FIRST, "received", 10, 10_000_000),
            Event(("A", "S"), FIRST, "received", 10, 30_000_000),
            Event(("A", "N"), FIRST + 1, "issued", 8, 16_000_000),
        ]
    )
    parameters = HealthParameters(FIRST, FIRST + 1, "day", demand_days=1)
    found = figures(measure(SiteValues(columns(rows, {})).all(), parameters), parameters)
    assert found["value"].values.tolist() == [[20_000_000, 4_000_000], [20_000_000, 20_000_000]]


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(events, max_size=30), st.integers(1, 12), st.integers(1, 7))
def test_parts_are_what_all_is(
    monkeypatch: pytest.MonkeyPatch, made: list[Event], rows_max: int, series_max: int
) -> None:
    """Of all sites and of some; no part is larger than it may be, unless one series is."""
    monkeypatch.setattr(sites, "ROWS_AT_ONCE", rows_max)
    values = SiteValues(columns(history(made), {}))
    for some in (values, values.only(np.arange(len(values))[::2])):
        whole = some.all()
        assert np.array_equal(np.diff(whole.starts), some.rows())
        numbers: list[int] = []
        for first, part in some.parts(series_max):
            assert len(part) <= series_max
            assert len(part.day) <= rows_max or len(part) == 1
            expected = whole.part(first, first + len(part))
            assert (part.skus, part.sites) == (expected.skus, expected.sites)
            for name in ("day", "starts"):
                assert np.array_equal(getattr(part, name), getattr(expected, name))
            for name, column in part.columns.items():
                assert np.array_equal(column, expected.columns[name]), name
            numbers += range(first, first + len(part))
        assert numbers == [*range(len(some))]


def test_what_is_empty_needs_no_rows() -> None:
    """Of a thousand sites that goods went through, only the one that still holds some has more
    days than its own."""
    made = []
    for number in range(1_000):
        place = ("A", f"S{number:03d}")
        made.append(Event(place, FIRST + number, "received", 2, 2_000_000))
        if number:
            made.append(Event(place, FIRST + number + 1, "issued", 2, 2_000_000))
    assert SiteValues(columns(history(made), {})).rows().tolist() == [1_001, *[2] * 999]


def test_groups_are_of_the_sites_that_are_asked_for() -> None:
    """One site's value is what it is among all, also where the others are not measured."""
    rows = history(
        [
            Event(("A", "N"), FIRST, "received", 10, 10_000_000),
            Event(("A", "S"), FIRST, "received", 10, 30_000_000),
        ]
    )
    parameters = HealthParameters(FIRST, FIRST + 1, "whole", demand_days=1)
    south = SiteValues(columns(rows, {})).only(np.array([1]))
    found = by_group(south, parameters, np.zeros(1, np.int64), 1)
    assert found["value"].values.tolist() == [[20_000_000]]


def test_sites_that_count_in_other_units() -> None:
    """0.5 was asked for in the south before the item was described as one of whole pieces."""
    rows = history(
        [
            Event(("A", "N"), FIRST, "received", 3, 30_000_000),
            Event(("A", "S"), FIRST, "received", 10, 10_000_000),
        ]
    )
    days = columns(rows, {})
    days.scales[1] = 1
    parameters = HealthParameters(FIRST, FIRST, "whole", demand_days=1)
    found = figures(measure(SiteValues(days).all(), parameters), parameters)
    assert found["value"].values.tolist() == [[30_000_000], [10_000_000]]
