"""Two stocks side by side, at every level."""

import pytest

from ops.reconciling.compare import Stated, Tolerance, after_adjusting, total
from ops.reconciling.keys import Key, Level, Leveller, is_within
from tests.unit.ops.reconciling.made import Side, at, key, lines, scale_of

STOCK = {
    at("A", "DC1/A/01", "L1", "available"): 4,
    at("A", "DC1/A/02", "L2", "quarantined"): 3,
    at("A", "DC2/B/01", "", "available"): 2,
    at("B", "DC1/A/01", "", "available"): 5,
}


@pytest.mark.parametrize(
    ("level", "stated", "differing"),
    [
        (Level(), lines((at("A"), "9"), (at("B"), "5")), {}),
        (Level(), lines((at("A"), "8"), (at("B"), "5")), {key("A"): -1}),
        (Level(1), lines((at("A", "DC1"), "7"), (at("A", "DC2"), "2"), (at("B", "DC1"), "5")), {}),
        (
            Level(2),
            lines((at("A", "DC1/A/77"), "7"), (at("A", "DC2/B"), "3"), (at("B", "DC1/A"), "5")),
            {key("A", "DC2/B"): 1},
        ),
        (
            Level(0, below=True),
            lines((at("A", "DC1"), "4"), (at("A", "DC1/A/02"), "3"), (at("B", "DC1"), "5")),
            {key("A", "DC2/B/01"): -2},
        ),
        (
            Level(0),
            lines((at("A", "DC1/A/01"), "4"), (at("A", "DC1/A/02"), "3"),
                  (at("B", "DC1/A/01"), "6"), (at("A", "DC2/B/01"), "2")),
            {key("B", "DC1/A/01"): 1},
        ),
        (
            Level(0, lot=True),
            lines((at("A", "DC1/A/01", "L2"), "4"), (at("A", "DC1/A/02", "L2"), "3"),
                  (at("B", "DC1/A/01"), "5"), (at("A", "DC2/B/01"), "2")),
            {key("A", "DC1/A/01", "L1"): -4, key("A", "DC1/A/01", "L2"): 4},
        ),
        (
            Level(None, status=True),
            lines((at("A", status="available"), "6"), (at("A", status="expired"), "3"),
                  (at("B", status="available"), "5")),
            {Key("A", None, None, "expired"): 3, Key("A", None, None, "quarantined"): -3},
        ),
    ],
)  # fmt: skip
def test_levels(level: Level, stated: list[Stated], differing: dict[Key, int]) -> None:
    """What cannot be told apart is added up, on both sides."""
    rows = Side(stated, STOCK, level).rows()
    assert {row.key: row.difference for row in rows if row.kind != "matched"} == differing
    assert sum(row.on_hand or 0 for row in rows) == sum(STOCK.values())


def test_kinds() -> None:
    """A zero and nothing at all are the same, whoever says it."""
    stock = {at("A"): 1, at("B"): 2, at("C"): 3, at("D"): 0, at("Z"): 0}
    stated = lines((at("A"), "1"), (at("B"), "3"), (at("D"), "4"), (at("E"), "5"), (at("F"), "0"))
    kinds = {row.key.sku: row.kind for row in Side(stated, stock, Level()).rows()}
    assert kinds == {
        "A": "matched", "B": "differing", "C": "missing_in_statement", "D": "missing_in_ledger",
        "E": "missing_in_ledger", "F": "matched",
    }  # fmt: skip


def test_a_statement_of_some_skus_only() -> None:
    """What it does not name is no difference, if it is not complete."""
    rows = Side(lines((at("A"), "1")), {at("A"): 2, at("B"): 3}, Level()).rows(complete=False)
    assert [(row.key.sku, row.difference) for row in rows] == [("A", -1)]


def test_quantities_are_exact() -> None:
    """Decimals have the item's scale; more of them cannot be counted, and the line is named."""
    stated = lines((at("A3"), "0.1"), (at("A3"), "0.20"), (at("B"), "1.5"), (at("C"), "2.0"))
    side = Side(stated, {at("A3"): 300, at("C"): 2}, Level())
    assert [(one.line, one.key) for one in side.totals.unreadable] == [(4, key("B"))]
    assert "digits behind the point" in side.totals.unreadable[0].detail
    kinds = {row.key.sku: row.kind for row in side.rows()}
    assert kinds == {"A3": "matched", "B": "unreadable", "C": "matched"}


@pytest.mark.parametrize(
    ("tolerance", "scale", "difference", "covered"),
    [
        (500_000, 3, 500, True),
        (500_000, 3, -500, True),
        (500_000, 3, 501, False),
        (500_000, 0, 1, False),
        (1_000_000, 0, -1, True),
        (1, 6, 1, True),
        (0, 6, 1, False),
    ],
)
def test_tolerance(tolerance: int, scale: int, difference: int, covered: bool) -> None:
    """In the SKU's unit, whatever its scale; the limit itself is covered."""
    assert Tolerance(tolerance).covers(difference, scale) is covered


def test_doubled_lines() -> None:
    """Summed, or all of them refused."""
    stated = lines((at("A"), "1"), (at("B"), "7"), (at("A"), "2"))
    summed = Side(stated, {at("A"): 3, at("B"): 7}, Level())
    assert [row.kind for row in summed.rows()] == ["matched", "matched"]
    assert summed.rows()[0].lines == (2, 4)
    refused = total(stated, Leveller(Level()), scale_of, "refuse")
    assert [(one.line, one.key) for one in refused.unreadable] == [(2, key("A")), (4, key("A"))]


def test_what_was_adjusted_before() -> None:
    """It counts, where the stock at the moment does not have it."""
    row = Side(lines((at("A"), "3")), {at("A"): 5}, Level()).rows()[0]
    assert after_adjusting(row, -2, Tolerance()).kind == "matched"
    part = after_adjusting(row, -1, Tolerance())
    assert (part.kind, part.difference) == ("differing", -1)
    assert after_adjusting(row, -1, Tolerance(1_000_000)).kind == "within_tolerance"


def test_within() -> None:
    """A place and those below it; a name that only begins the same is another one."""
    assert is_within("DC1/A", ["DC2", "DC1"])
    assert is_within("DC1", ["DC1"])
    assert not is_within("DC10/A", ["DC1"])
    assert is_within("anywhere", [])
