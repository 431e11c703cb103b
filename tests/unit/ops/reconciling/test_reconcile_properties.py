"""Whatever is stated: what is proposed makes both stocks equal, and nothing else changes."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ops.reconciling.compare import GOOD, Stated
from ops.reconciling.keys import Level, StockKey
from ops.reconciling.proposals import Adjustment, Policy, Unproposed
from tests.unit.ops.reconciling.made import FINEST, Side, Stock, scale_of

SKUS = ("A", "B2", "C6")
PLACES = ("DC1", "DC1/A", "DC1/A/01", "DC10", "DC2/B")
LEVELS = (
    FINEST, Level(), Level(1), Level(2), Level(0), Level(0, below=True), Level(0, lot=True),
    Level(None, status=True), Level(1, lot=True, status=True),
)  # fmt: skip
KEYS = st.builds(
    StockKey,
    st.sampled_from(SKUS),
    st.sampled_from(PLACES),
    st.sampled_from(("", "L1")),
    st.sampled_from(("available", "on_hold")),
)
STOCKS = st.dictionaries(KEYS, st.integers(1, 10**7), max_size=12)
STATED = st.lists(st.tuples(KEYS, st.integers(0, 10**6)), max_size=12)


def stated_at(level: Level, said: list[tuple[StockKey, int]]) -> list[Stated]:
    """Lines that have what the level compares, each in the decimals of its SKU."""
    return [
        Stated(
            number,
            StockKey(
                one.sku,
                "" if level.location_parts is None else one.location,
                one.lot if level.lot else "",
                one.status if level.status else "",
            ),
            f"{quantity}.{'5' * min(scale_of(one.sku), 1)}".rstrip("."),
        )
        for number, (one, quantity) in enumerate(said)
    ]


def proposals(side: Side, policy: Policy) -> tuple[list[Adjustment], list[Unproposed]]:
    """What is proposed for everything that differs."""
    made: list[Adjustment] = []
    left: list[Unproposed] = []
    for row in side.rows():
        if row.kind not in GOOD:
            found = side.propose(row, policy)
            if isinstance(found, Unproposed):
                left.append(found)
            else:
                made += found
    return made, left


def applied(stock: Stock, adjustments: list[Adjustment]) -> Stock:
    """The stock afterwards, by the rules of the ledger."""
    after = Counter(stock)
    for one in adjustments:
        assert after[one.at] == one.now, "the condition of the adjustment does not hold"
        after[one.at] += one.quantity
        assert after[one.at] >= 0
    return dict(after)


@settings(max_examples=200, deadline=None)
@given(level=st.sampled_from(LEVELS), stock=STOCKS, said=STATED)
def test_applied_it_is_equal(level: Level, stock: Stock, said: list[tuple[StockKey, int]]) -> None:
    """At every level, where the mapping says what to do with what is not certain."""
    stated = stated_at(level, said)
    policy = Policy("s", level.is_finest, spread="largest", place="DC9")
    made, left = proposals(Side(stated, stock, level), policy)
    assert left == []
    assert len({one.id for one in made}) == len(made)
    after = applied(stock, made)
    again = Side(stated, after, level)
    assert {row.kind for row in again.rows()} <= {"matched"}
    assert proposals(again, policy) == ([], [])


@settings(max_examples=100, deadline=None)
@given(stock=STOCKS, said=STATED, level=st.sampled_from(LEVELS))
def test_nothing_is_guessed(level: Level, stock: Stock, said: list[tuple[StockKey, int]]) -> None:
    """Without a rule for it, what remains is exactly what nothing was proposed for."""
    stated = stated_at(level, said)
    policy = Policy("s", level.is_finest)
    made, left = proposals(Side(stated, stock, level), policy)
    rows = Side(stated, applied(stock, made), level).rows()
    still = [(row.key, row.difference) for row in rows if row.kind not in GOOD]
    assert still == [(one.row.key, one.row.difference) for one in left]
    if level.is_finest:
        assert left == []
