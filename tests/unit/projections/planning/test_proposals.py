"""Proposals: each policy, packs, minima, shelf life, reasons in words, orders by supplier."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.order_quantities import NO_COST, Terms
from projections.planning.proposal_text import reason_text
from projections.planning.proposals import (
    NOT_SET,
    POLICIES,
    REASONS,
    Proposals,
    control,
    propose,
    reviewed_on,
    shelf_life_limits,
)
from projections.planning.suppliers import by_supplier

MONEY = 10**6


def proposed(  # noqa: PLR0913 - a keyword for each number
    policy: str,
    position: int,
    *,
    point: int = 100,
    lot: int = 40,
    pack: int = 1,
    minimum: int = 0,
    limit: int = NOT_SET,
    reviewed: bool = True,
    low: int = NOT_SET,
    high: int = NOT_SET,
) -> Proposals:
    levels = control(
        np.array([POLICIES.index(policy)], dtype=np.int8),
        *(np.array([number]) for number in (point, lot, low, high)),
    )
    terms = Terms(np.array([pack]), np.array([minimum]))
    return propose(levels, np.array([position]), terms, np.array([limit]), np.array([reviewed]))


def outcome(found: Proposals) -> tuple[int, str]:
    return int(found.quantity[0]), REASONS[found.reason[0]]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (101, (0, "above_reorder_point")),
        (100, (40, "ordered")),
        (61, (40, "ordered")),
        (60, (80, "ordered")),
        (-25, (160, "ordered")),
    ],
)
def test_s_q_orders_whole_quantities_until_above_the_reorder_point(
    position: int, expected: tuple[int, str]
) -> None:
    assert outcome(proposed("s_q", position)) == expected


@pytest.mark.parametrize(
    ("policy", "position", "options", "expected"),
    [
        ("none", 0, {}, (0, "no_policy")),
        ("s_S", 101, {}, (0, "above_reorder_point")),
        ("s_S", 100, {}, (40, "ordered")),
        ("s_S", 30, {}, (110, "ordered")),
        ("min_max", 50, {"low": 49, "high": 90}, (0, "above_reorder_point")),
        ("min_max", 49, {"low": 49, "high": 90}, (41, "ordered")),
        ("min_max", 90, {}, (50, "ordered")),
        ("min_max", 45, {"low": 50}, (45, "ordered")),
        # A maximum below the computed reorder point: an order quantity above that instead.
        ("min_max", 90, {"high": 50}, (50, "ordered")),
        ("min_max", 101, {"high": 50}, (0, "above_reorder_point")),
        ("min_max", 50, {"low": 50, "high": 50}, (40, "ordered")),
        ("periodic", 100, {}, (0, "at_order_up_to_level")),
        ("periodic", 20, {}, (80, "ordered")),
        ("periodic", 20, {"reviewed": False}, (0, "not_reviewed_today")),
        ("base_stock", 99, {}, (1, "ordered")),
        ("base_stock", 100, {}, (0, "at_order_up_to_level")),
        ("base_stock", 20, {"reviewed": False}, (80, "ordered")),
        ("s_q", 90, {"pack": 25}, (50, "ordered")),
        ("s_q", 90, {"pack": 25, "minimum": 60}, (75, "ordered")),
        ("s_q", 90, {"limit": 130}, (40, "ordered")),
        ("s_q", 90, {"limit": 129}, (39, "ordered")),
        ("s_q", 90, {"pack": 12, "limit": 129}, (36, "ordered")),
        ("s_q", 90, {"minimum": 40, "limit": 129}, (0, "shelf_life_too_short")),
        ("s_q", 90, {"limit": 80}, (0, "shelf_life_too_short")),
    ],
)
def test_policies(
    policy: str, position: int, options: dict[str, int], expected: tuple[int, str]
) -> None:
    assert outcome(proposed(policy, position, **options)) == expected  # type: ignore[arg-type]


def test_shelf_life_limits() -> None:
    limits = shelf_life_limits(
        np.array([2.5, 2.5, 0.0, 2.5]), np.array([0.0, 9.0, 9.0, 1.5]), np.array([7, NOT_SET, 7, 7])
    )
    assert limits.tolist() == [17, NOT_SET, 0, 21]


@pytest.mark.parametrize(
    ("lead", "shelf_life"), [(2, 10), (5, 7), (14, 7), (14, 10), (30, 14), (1, 3)]
)
def test_little_is_missing_and_little_expires(lead: int, shelf_life: int) -> None:
    """Ten a day for years, what came first sold first: however the times are to each other."""
    days, shelf = 2000, Shelf(lead, shelf_life)
    for day in range(days):
        shelf.pass_day(day)
    assert shelf.unmet <= 0.03 * A_DAY * days
    assert shelf.expired <= 0.04 * A_DAY * days


A_DAY = 10


class Shelf:
    """A perishable item: lots by the day they came, orders by the day they come."""

    def __init__(self, lead: int, shelf_life: int) -> None:
        """As much as may lie there at first."""
        self.lead, self.shelf_life = lead, shelf_life
        self.limit = shelf_life_limits(
            np.array([float(A_DAY)]), np.array([float(lead)]), np.array([shelf_life])
        )
        self.lots = {0: A_DAY * shelf_life}
        self.coming: dict[int, int] = {}
        self.unmet = self.expired = 0

    def pass_day(self, day: int) -> None:
        """Take in, throw away, sell, order."""
        if day in self.coming:
            self.lots[day] = self.coming.pop(day)
        for came in [one for one in self.lots if day - one >= self.shelf_life]:
            self.expired += self.lots.pop(came)
        asked = A_DAY
        for came in sorted(self.lots):
            taken = min(asked, self.lots[came])
            self.lots[came] -= taken
            asked -= taken
        self.unmet += asked
        if ordered := self._ordered(sum(self.lots.values()) + sum(self.coming.values())):
            self.coming[day + self.lead + 1] = ordered

    def _ordered(self, position: int) -> int:
        levels = control(
            np.array([POLICIES.index("s_q")], dtype=np.int8),
            *(np.array([one]) for one in (A_DAY * (self.lead + 3), 30, NOT_SET, NOT_SET)),
        )
        found = propose(
            levels, np.array([position]), Terms(np.array([1]), np.array([0])), self.limit,
            np.array([True]),
        )  # fmt: skip
        return int(found.quantity[0])


def test_reviews_come_together_once_a_period() -> None:
    days = [reviewed_on(day, np.array([1.0, 7.0, 0.0, 7.0])).tolist() for day in range(700, 707)]
    assert [day[1] for day in days] == [True] + [False] * 6
    assert all(day[0] and day[2] and day[1] == day[3] for day in days)


@given(
    st.sampled_from(["s_q", "s_S", "min_max", "periodic", "base_stock"]),
    st.integers(-200, 300),
    st.integers(0, 150),
    st.integers(1, 60),
    st.integers(1, 30),
    st.integers(0, 70),
    st.integers(NOT_SET, 400),
)
def test_what_holds_for_every_proposal(  # noqa: PLR0913, PLR0917
    policy: str, position: int, point: int, lot: int, pack: int, minimum: int, limit: int
) -> None:
    found = proposed(
        policy, position, point=point, lot=lot, pack=pack, minimum=minimum, limit=limit
    )
    quantity, reason = outcome(found)
    assert quantity % pack == 0
    assert quantity == 0 or quantity >= minimum
    assert (quantity > 0) == (reason == "ordered")
    if limit != NOT_SET and quantity:
        assert position + quantity <= limit
    if limit == NOT_SET and policy in ("s_q", "s_S", "min_max"):
        assert position + quantity > point
    assert reason_text(found, 0, 0)[-1] == "."


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            proposed("s_q", 90),
            "The inventory position of 9 is at or below the reorder point of 10; the order "
            "quantity is 4. Order 4.",
        ),
        (
            proposed("s_q", 30, pack=25),
            "The inventory position of 3 is at or below the reorder point of 10; 8 are 2 order "
            "quantities of 4, to pass it. In packs and with the minimum order that is 10: order "
            "10.",
        ),
        (
            proposed("periodic", 25, limit=85),
            "The inventory position of 2.5 is below the order-up-to level of 10; 7.5 are needed to "
            "reach 10. Of 7.5 in packs, 6 can be used up before they expire: within lead time and "
            "shelf life 8.5 are expected to be asked for. Order 6.",
        ),
        (
            proposed("s_S", 90, limit=5),
            "The inventory position of 9 is at or below the reorder point of 10; 5 are needed to "
            "reach 14. Within lead time and shelf life only 0.5 are expected to be asked for, "
            "which leaves less than the supplier delivers: order nothing.",
        ),
        (
            proposed("s_q", 115),
            "The inventory position of 11.5 is above the reorder point of 10.",
        ),
        (
            proposed("base_stock", 115),
            "The inventory position of 11.5 is not below the order-up-to level of 10.",
        ),
        (proposed("periodic", 1, reviewed=False), "It is not looked at today."),
        (proposed("none", 1), "Its policy orders nothing."),
    ],
)
def test_reasons_in_words_and_numbers(found: Proposals, text: str) -> None:
    """Quantities with one decimal."""
    assert reason_text(found, 0, 1) == text


def test_orders_by_supplier() -> None:
    orders = by_supplier(
        supplier=np.array([3, -1, 3, 0, 3]),
        quantity=np.array([5, 7, 0, 15, 1000]),
        unit_cost=np.array([2 * MONEY, MONEY, MONEY, 1_300_001, NO_COST]),
        scales=np.array([0, 0, 0, 1, 2], dtype=np.int8),
    )
    assert [(one.supplier, list(one.series), list(one.quantities)) for one in orders] == [
        (-1, [1], [7]),
        (0, [3], [15]),
        (3, [0, 4], [5, 1000]),
    ]
    assert [(one.value, one.unpriced) for one in orders] == [
        (7 * MONEY, 0),
        (1_950_002, 0),
        (10 * MONEY, 1),
    ]


def test_values_beyond_64_bits_are_exact() -> None:
    (order,) = by_supplier(
        np.zeros(3, np.int64), np.full(3, 10**13), np.full(3, 10**12 + 1), np.zeros(3, np.int8)
    )
    assert order.value == 3 * 10**13 * (10**12 + 1)


def test_nothing_proposed_is_no_order() -> None:
    none = np.zeros(2, np.int64)
    assert by_supplier(none, none, none, none.astype(np.int8)) == []
