"""Sums, balances and windows of days, and sites together."""

import tracemalloc

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.assembling import SUM_MAX, Rows, assemble, slots
from projections.planning.days import Days

# SKU, site, day, scale, power, issued, value.
Row = tuple[str, str, int, int, int, int, int]
rows_of_tables = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "é"]),
        st.sampled_from(["", "MAIN", "EAST"]),
        st.integers(-2, 3),
        st.sampled_from([0, 0, 0, 2, 6]),
        st.sampled_from([0, 0, 0, 9]),
        st.integers(-1_000, 1_000),
        st.integers(-1_000, 1_000),
    ),
    max_size=30,
)


def assembled(rows: list[Row], taken_off: list[Row] | None = None) -> Days:
    """As they would be read: in any order, some of them taken off again."""
    signed = [(1, row) for row in rows] + [(-1, row) for row in taken_off or []]
    names = sorted({row[:2] for row in rows})
    columns = np.array([row[2:] for _, row in signed], np.int64).reshape(len(signed), 5).T
    sign = np.array([one for one, _ in signed], np.int64)
    return assemble(
        names,
        Rows(
            np.array([names.index(row[:2]) for _, row in signed], np.int32),
            slots(*columns[:3]),
            sign if taken_off is not None else None,
            {"issued": sign * columns[3], "issued_value": sign * columns[4]},
        ),
    )


def by_hand(rows: list[Row]) -> dict[tuple[str, str], tuple[int, dict[int, list[int]]]]:
    """Scale and sums by day of each series."""
    found: dict[tuple[str, str], tuple[int, dict[int, list[int]]]] = {}
    for series in {row[:2] for row in rows}:
        own = [row for row in rows if row[:2] == series]
        scale = max(row[3] for row in own)
        days: dict[int, list[int]] = {}
        for _, _, day, of_row, power, issued, value in own:
            sums = days.setdefault(day, [0, 0])
            sums[0] += issued * 10 ** (scale - of_row + power)
            sums[1] += value * 10**power
        found[series] = scale, days
    return found


def picture(days: Days) -> dict[tuple[str, str], tuple[int, dict[int, list[int]]]]:
    """The same of days."""
    found = {}
    for index, series in enumerate(zip(days.skus, days.sites, strict=True)):
        rows = range(days.starts[index], days.starts[index + 1])
        found[series] = (
            int(days.scales[index]),
            {
                int(days.day[row]): [int(column[row]) for column in days.columns.values()]
                for row in rows
            },
        )
    return found


@given(rows=rows_of_tables, more=rows_of_tables)
def test_rows_in_any_order(rows: list[Row], more: list[Row]) -> None:
    """Ordered by name and day, in one scale; what was taken off was never there."""
    days = assembled(rows)
    assert picture(days) == by_hand(rows)
    names = list(zip(days.skus, days.sites, strict=True))
    assert names == sorted(names)
    for index in range(len(days)):
        of_series = days.day[days.starts[index] : days.starts[index + 1]].tolist()
        assert of_series == sorted(set(of_series))
    less = assembled(rows + more, more)
    assert picture(less) == by_hand(rows)


large_amounts = st.one_of(
    st.integers(-1_000, 1_000),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.sampled_from([2**58 // 10**9, 2**58, SUM_MAX // 10**9, SUM_MAX]).flatmap(
        lambda edge: st.sampled_from([edge - 1, edge, edge + 1, -edge, -edge - 1])
    ),
)
rows_of_one_scale = st.lists(
    st.tuples(
        st.sampled_from(["A", "B"]),
        st.just("MAIN"),
        st.integers(-2, 2),
        st.just(2),
        st.sampled_from([0, 9]),
        large_amounts,
        large_amounts,
    ),
    max_size=12,
    unique_by=lambda row: (row[0], row[2], row[4]),
)


@given(rows=rows_of_one_scale)
def test_large_numbers_add_up_as_row_by_row(rows: list[Row]) -> None:
    """A row of nothing at another scale sends a series the slow way, to the same digits."""
    fast = assembled(rows)
    slow = assembled([*rows, *((*row[:3], 0, 0, 0, 0) for row in rows)])
    assert picture(fast) == picture(slow)
    assert fast.left_out == slow.left_out


def test_large_numbers_take_the_memory_of_small_ones() -> None:
    """A million of a currency a day is nothing special where it buys a crate."""
    count = 20_000
    day, power = np.repeat(np.arange(count), 2), np.tile([0, 9], count)
    columns = {name: np.full(2 * count, 5) for name in ("issued_value", "received_value")}
    rows = Rows(np.zeros(2 * count, np.int32), slots(day, 0 * day, power), None, columns)
    tracemalloc.start()
    try:
        days = assemble([("A", "")], rows)
        _, bytes_max = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert set(days.columns["issued_value"].tolist()) == {5 * 10**9 + 5}
    assert bytes_max < 250 * count


@given(rows=rows_of_tables)
def test_sites_together(rows: list[Row]) -> None:
    """Each SKU once, in the largest of the scales, with the same sums."""
    together = assembled(rows).by_sku()
    expected = by_hand([(row[0], "", *row[2:]) for row in rows])
    assert picture(together) == expected


@given(rows=rows_of_tables, first=st.integers(-4, 5), until=st.integers(-4, 5))
def test_sums_balances_windows(rows: list[Row], first: int, until: int) -> None:
    """Beside the same by hand."""
    days = assembled(rows)
    cut = days.window(first, until)
    for index, (_, amounts) in enumerate(by_hand(rows)[one] for one in sorted(by_hand(rows))):
        issued = {day: sums[0] for day, sums in amounts.items()}
        assert days.sums("issued")[index] == sum(issued.values())
        before = sum(amount for day, amount in issued.items() if day < first)
        assert days.balance_before("issued", first)[index] == before
        own = days.balances("issued")[days.starts[index] : days.starts[index + 1]]
        assert own.tolist() == np.cumsum([issued[day] for day in sorted(issued)]).tolist()
        inside = {day: amount for day, amount in issued.items() if first <= day < until}
        own_rows = slice(*cut.starts[index : index + 2])
        assert cut.columns["issued"][own_rows].tolist() == [inside[day] for day in sorted(inside)]
        part = days.part(index, index + 1)
        assert part.sums("issued").tolist() == [sum(issued.values())]
    assert days.series().tolist() == np.repeat(range(len(days)), np.diff(days.starts)).tolist()


def test_what_no_sum_could_hold_is_left_out_and_named() -> None:
    """A SKU whose days are fine one by one, and one with a single day beyond 64 bits."""
    huge: Row = ("B", "MAIN", 1, 0, 9, 10**10, 0)
    most: Row = ("C", "MAIN", 1, 0, 0, SUM_MAX - 1, 0)
    rows: list[Row] = [("A", "MAIN", 1, 0, 0, 7, 0), huge, most]
    fits = assembled([*rows, ("C", "EAST", 2, 0, 0, -1, 0)])
    assert (list(fits.skus), list(fits.left_out)) == (["A", "C", "C"], ["B"])
    assert fits.by_sku().sums("issued").tolist() == [7, SUM_MAX - 2]
    assert list(fits.by_sku().left_out) == ["B"]
    over = assembled([*rows, ("C", "EAST", 2, 0, 0, -2, 0)])
    assert (list(over.skus), list(over.left_out)) == (["A"], ["B", "C"])
    assert list(assembled([*rows, ("A", "MAIN", 1, 0, 9, 2**33, 0)]).left_out) == ["A", "B"]


def test_sites_of_several_scales_may_be_too_much_together() -> None:
    """What fits at its own scale need not fit at another's."""
    days = assembled([("A", "EAST", 1, 0, 0, 10**15, 0), ("A", "MAIN", 1, 6, 0, 1, 0)])
    assert len(days) == 2
    assert list(days.by_sku().left_out) == ["A"]
