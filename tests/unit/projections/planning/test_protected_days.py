"""Protected times as they vary: by hand, and like a normal distribution."""

import numpy as np
import pytest

from projections.planning import protected_days as module
from projections.planning.lead_demand import LeadDemand
from projections.planning.protected_days import DAYS_MAX, PARTS, ProtectedDays, protected_days


def over(*items: tuple[float, float, float]) -> LeadDemand:
    """Lead times, their deviations and the days of review, all in open days."""
    lead, deviation, review = (np.array(column) for column in zip(*items, strict=True))
    none = np.zeros(len(items))
    return LeadDemand(none, none, lead, deviation, lead + review, none, none, none.astype(np.int8))


def of(found: ProtectedDays, number: int) -> dict[int, int]:
    """The days of one series, and in how many cases."""
    rows = slice(int(found.starts[number]), int(found.starts[number + 1]))
    return dict(zip(found.days[rows].tolist(), found.cases[rows].tolist(), strict=True))


def drawn(*items: tuple[float, float, float]) -> ProtectedDays:
    """Those of all of them."""
    return protected_days(over(*items), np.arange(len(items)))


def test_without_a_deviation_it_is_the_mean_up_to_whole_days() -> None:
    found = drawn((9.3, 0.0, 0.0), (9.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    assert [of(found, number) for number in range(3)] == [{10: 1}, {10: 1}, {0: 1}]
    assert len(found) == 3


@pytest.mark.parametrize("deviation", [2.0, 3.5, 30.0])
def test_mean_and_deviation_are_those_of_the_lead_time(deviation: float) -> None:
    found = of(drawn((100.0, deviation, 7.0)), 0)
    times, cases = np.array([*found]), np.array([*found.values()])
    assert cases.sum() == PARTS
    mean = (times * cases).sum() / PARTS
    # Half a day more by rounding up.
    assert mean == pytest.approx(107.5, abs=0.1)
    spread = np.sqrt(((times - mean) ** 2 * cases).sum() / PARTS)
    assert spread == pytest.approx(deviation, rel=0.03)


def test_no_lead_time_is_negative_and_no_time_is_nothing() -> None:
    """A third of these lead times would be below zero; the review period stays."""
    found = drawn((2.0, 5.0, 0.0), (2.0, 5.0, 3.0))
    assert min(of(found, 0)) == 1
    assert min(of(found, 1)) == 3
    assert of(found, 1)[3] == round(PARTS * 0.3446)  # P(z < -0.4)


def test_a_year_that_was_typed_wrong_makes_no_table_of_centuries() -> None:
    found = drawn((30.0, 40_000.0, 1.0), (9_000.5, 40_000.0, 1.0))
    assert max(of(found, 0)) == DAYS_MAX
    assert of(found, 1) == {9_002: 1}


def test_nothing_depends_on_the_company(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [(5.0 + one, one / 3, 1.0) for one in range(9)]
    together = drawn(*items)
    monkeypatch.setattr(module, "_SERIES_AT_ONCE", 2)
    chosen = np.array([7, 0, 3])
    apart = protected_days(over(*items), chosen)
    assert [of(apart, one) for one in range(3)] == [of(together, one) for one in chosen.tolist()]
    assert len(protected_days(over(*items), chosen[:0])) == 0
