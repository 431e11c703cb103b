"""Stock health by columns is what a plain model finds that looks at every day and every event."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.planning.health.figures import MICRO, REASONS, Figure, figures
from projections.planning.health.formulas import FORMULAS
from projections.planning.health.groups import by_group, by_series
from projections.planning.health.measures import measure
from projections.planning.health.parameters import HealthParameters, buckets
from tests.unit.projections.planning.health.story import (
    INWARD,
    OUTWARD,
    Event,
    History,
    Model,
    columns,
    history,
    rounded,
)

FIRST = 14_950
SERIES = [("A", "N"), ("A", "S"), ("B", ""), ("C", "N")]
SCALES = {"A": 0, "B": 3, "C": 6}
quantities = st.one_of(st.integers(0, 60), st.integers(0, 10**17))
events = st.builds(
    Event,
    st.sampled_from(SERIES),
    st.integers(FIRST - 40, FIRST + 80),
    st.sampled_from([*INWARD, *OUTWARD, "unmet"]),
    quantities,
    st.one_of(st.integers(0, 5_000_000), st.integers(0, 10**18)),
    st.one_of(st.none(), st.integers(FIRST - 40, FIRST + 90)),
)
asked = st.builds(
    HealthParameters,
    st.integers(FIRST - 10, FIRST + 20),
    st.integers(FIRST + 20, FIRST + 80),
    st.sampled_from(["day", "week", "month", "whole"]),
    demand_days=st.sampled_from([1, 7, 30]),
    excess_cover_days=st.sampled_from([1, 10, 60]),
    slow_cover_days=st.sampled_from([1, 30, 90]),
    carrying_rate=st.sampled_from([0, 250_000, 333_333]),
    ageing_days=st.sampled_from([(0,), (3, 10, 30), (1, 2)]),
)
Expected = tuple[int, str]


def _quotient(numerator: int, denominator: int, factor: Fraction, reason: str) -> Expected:
    if denominator <= 0:
        return 0, reason
    return rounded(Fraction(numerator, denominator) * factor * MICRO), ""


def _over(model: Model, first: int, last: int, scale: int) -> dict[str, Expected]:
    days = last - first + 1
    found = {
        name: (model.total(name, first, last), "")
        for name in (
            "issued", "issued_value", "unmet", "scrapped_value", "lost_value", "found_value",
        )
    }  # fmt: skip
    issued_value = found["issued_value"][0]
    value_days = model.days_of("value_net", first, last)
    units = Fraction(model.days_of("on_hand_net", first, last), days * 10**scale)
    rate = Fraction(model.asked.carrying_rate, 365 * MICRO)
    shrinkage = found["lost_value"][0] - found["found_value"][0]
    asked_for = found["issued"][0] + found["unmet"][0]
    lines = model.total("issue_lines", first, last)
    refused = model.total("unmet_lines", first, last)
    one = Fraction(1)
    return found | {
        "average_on_hand": (rounded(units * MICRO), ""),
        "average_value": (rounded(Fraction(value_days, days)), ""),
        "turnover": _quotient(issued_value, value_days, Fraction(days), "no_stock_value"),
        "turnover_per_year": _quotient(issued_value, value_days, Fraction(365), "no_stock_value"),
        "carrying_cost": (rounded(max(value_days, 0) * rate), ""),
        "fill_rate_units": _quotient(found["issued"][0], asked_for, one, "no_demand"),
        "fill_rate_lines": _quotient(lines, lines + refused, one, "no_demand"),
        "shrinkage_value": (shrinkage, ""),
        "shrinkage_rate": _quotient(shrinkage, issued_value, one, "nothing_issued"),
        "waste_rate": _quotient(found["scrapped_value"][0], issued_value, one, "nothing_issued"),
    }


def _cover(model: Model, held: int, issued: str, last: int) -> Expected:
    known = min(model.known(last), model.asked.demand_days)
    if known == 0:
        return 0, "no_history"
    return _quotient(max(held, 0), model.recent(issued, last), Fraction(known), "nothing_issued")


def _at_end(model: Model, last: int) -> dict[str, Expected]:
    on_hand, value = model.balance("on_hand_net", last), model.balance("value_net", last)
    known = model.known(last)
    slow = model.slow(last)
    aged = {f"aged_{n}": (one, "") for n, one in enumerate(model.aged(last))}
    aged |= {f"aged_value_{n}": (one, "") for n, one in enumerate(model.aged_value(last))}
    return aged | {
        "on_hand": (on_hand, ""),
        "value": (value, ""),
        "days_of_cover": _cover(model, on_hand, "issued", last),
        "days_of_cover_value": _cover(model, value, "issued_value", last),
        "excess": (model.excess(last), ""),
        "excess_value": (model.excess_value(last), ""),
        "slow": (slow, ""),
        "slow_value": (value * slow, ""),
        "unjudged": (int(0 < known < model.asked.demand_days), ""),
    }


def _shown(found: dict[str, Figure], series: int, bucket: int) -> dict[str, Expected]:
    return {
        name: (int(one.values[series, bucket]), REASONS[one.reasons[series, bucket]])
        for name, one in found.items()
    }


def _expected(
    rows: History, series: int, parameters: HealthParameters
) -> list[dict[str, Expected]]:
    sku, site = sorted(rows)[series]
    model = Model(rows[sku, site], site, parameters)
    cut = buckets(parameters)
    return [
        _over(model, int(first), int(last), SCALES[sku]) | _at_end(model, int(last))
        for first, last in zip(cut.first, cut.last, strict=True)
    ]


@settings(max_examples=150, deadline=None)
@given(st.lists(events, max_size=25), asked)
def test_every_figure_is_the_models(made: list[Event], parameters: HealthParameters) -> None:
    """Late, backdated and undone movements, of any size, in any order."""
    rows = history(made)
    days = columns(rows, SCALES)
    found = figures(measure(days, parameters), parameters)
    for series in range(len(days)):
        expected = _expected(rows, series, parameters)
        for bucket, one in enumerate(expected):
            assert _shown(found, series, bucket) == one


@settings(max_examples=60, deadline=None)
@given(st.lists(events, min_size=1, max_size=25), asked)
def test_slices_are_the_whole(made: list[Event], parameters: HealthParameters) -> None:
    """How many series are computed at once changes no number."""
    days = columns(history(made), SCALES)
    together = figures(measure(days, parameters), parameters)
    seen = 0
    for first, part in by_series(days, parameters):
        for name, one in part.items():
            last = first + len(one.values)
            assert (one.values == together[name].values[first:last]).all()
            assert (one.reasons == together[name].reasons[first:last]).all()
        seen = first + len(part["value"].values)
    assert seen == len(days)


ADDITIVE = (
    "issued_value", "scrapped_value", "value", "excess_value", "slow", "slow_value", "unjudged",
    "shrinkage_value", "aged_value_0", "aged_value_1",
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(events, min_size=1, max_size=25), asked)
def test_a_group_is_the_sum_of_its_series(made: list[Event], parameters: HealthParameters) -> None:
    """Amounts add up; quantities at six decimals; quotients are of the sums."""
    days = columns(history(made), SCALES)
    labels = np.array([int(sku == "A") for sku in days.skus], np.int64)
    alone = figures(measure(days, parameters), parameters)
    grouped = by_group(days, parameters, labels, 3)
    for bucket in range(len(buckets(parameters))):
        for label in range(3):
            members = np.flatnonzero(labels == label)
            for name in ADDITIVE:
                total = sum(int(alone[name].values[one, bucket]) for one in members)
                assert int(grouped[name].values[label, bucket]) == total
            quantity = sum(
                int(alone["on_hand"].values[one, bucket]) * 10 ** (6 - int(days.scales[one]))
                for one in members
            )
            assert int(grouped["on_hand"].values[label, bucket]) == quantity
            issued = sum(int(alone["issued_value"].values[one, bucket]) for one in members)
            shrinkage = sum(int(alone["shrinkage_value"].values[one, bucket]) for one in members)
            rate = _quotient(shrinkage, issued, Fraction(1), "nothing_issued")
            assert _shown(grouped, label, bucket)["shrinkage_rate"] == rate


def test_every_figure_has_its_formula() -> None:
    """What is computed is explained, and nothing else is."""
    parameters = HealthParameters(FIRST, FIRST)
    found = figures(measure(columns({}, SCALES), parameters), parameters)
    names = {"aged_value" if "aged_value" in name else "aged" if "aged" in name else name
             for name in found}  # fmt: skip
    assert names == {formula.name for formula in FORMULAS}
    assert len(FORMULAS) == len(names)
