"""ABC: the cut-offs, ties, items without value, hysteresis, sums of any size; pandas agrees."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.planning.abc import NEW, AbcOptions, classify
from projections.planning.errors import PlanningError
from tests.unit.projections.planning import retail

A, B, C = 0, 1, 2
amounts = st.lists(st.integers(-5, 10**6) | st.integers(0, 3) | st.integers(0, 10**25), max_size=60)


def _classes(values: list[int], **options: object) -> list[int]:
    found = classify(_array(values), AbcOptions(**options))  # type: ignore[arg-type]
    return [int(code) for code in found.classes]


def _array(values: list[int]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array(values, dtype=object)


def test_the_item_that_crosses_a_cut_off_belongs_to_the_higher_class() -> None:
    # Before the items lie 0, 70, 85, 95 and 99 % of the value.
    assert _classes([70, 15, 10, 4, 1]) == [A, A, B, C, C]


def test_a_cut_off_that_is_reached_exactly_ends_its_class() -> None:
    assert _classes([80, 15, 5]) == [A, B, C]


def test_equal_values_are_in_one_class_that_of_the_first_of_them() -> None:
    # The cut-off of 80 % lies within the five items of 10 each.
    assert _classes([50, 10, 10, 10, 10, 10]) == [A] * 6


def test_no_value_and_negative_value_are_in_the_last_class_and_count_nothing() -> None:
    found = classify(np.array([0, 100, -40, 0]))
    assert found.classes.tolist() == [C, A, C, C]
    assert found.total == 100
    assert found.share.tolist() == [0.0, 100.0, 0.0, 0.0]
    assert found.rank.tolist() == [2, 1, 2, 2]


@pytest.mark.parametrize("values", [[], [0], [0, -3]])
def test_without_any_value_all_are_in_the_last_class(values: list[int]) -> None:
    found = classify(np.array(values, dtype=np.int64))
    assert found.classes.tolist() == [C] * len(values)
    assert found.cumulative_share.tolist() == [0.0] * len(values)


def test_one_item_is_all_the_value() -> None:
    assert _classes([3]) == [A]


def test_shares_are_shown_to_six_decimals() -> None:
    found = classify(np.array([2, 1]))
    assert found.share.tolist() == [66.666667, 33.333333]
    assert found.cumulative_share.tolist() == [0.0, 66.666667]


def test_sums_beyond_64_bits_are_compared_exactly() -> None:
    huge = 2**62
    # In floats the item of one unit is lost, and both cut-offs with it.
    assert _classes([8 * huge, huge + 1, huge - 1]) == [A, B, B]
    assert _classes([8 * huge - 1, huge, huge]) == [A, A, A]
    assert classify(np.full(3, huge, dtype=np.int64)).total == 3 * huge


def test_hysteresis_keeps_a_class_near_its_cut_off() -> None:
    # Before the items lie 0, 61, 81 and 96 %.
    values = np.array([61, 20, 15, 4])
    options = AbcOptions(hysteresis="2")
    kept = classify(values, options, np.array([A, B, A, B], dtype=np.int8))
    assert kept.classes.tolist() == [A, A, A, B]
    assert kept.raw_classes.tolist() == [A, A, B, C]


def test_hysteresis_lets_go_beyond_it_and_new_items_have_none() -> None:
    values = np.array([61, 20, 15, 4])
    options = AbcOptions(hysteresis="0.5")
    moved = classify(values, options, np.array([C, B, A, NEW], dtype=np.int8))
    assert moved.classes.tolist() == moved.raw_classes.tolist() == [A, A, B, C]


def test_previous_classes_of_other_items_are_refused() -> None:
    with pytest.raises(PlanningError, match="previous: 1 classes for 2 items"):
        classify(np.array([1, 2]), AbcOptions(hysteresis="1"), np.array([A], dtype=np.int8))


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"shares": ("80", "15", "6")}, "shares"),
        ({"shares": ("80", "15", "4.999999")}, "shares"),
        ({"shares": ("100",)}, "shares"),
        ({"shares": ("100", "0")}, "shares"),
        ({"shares": ("110", "-10")}, "shares"),
        ({"shares": ("80", "20%")}, "shares"),
        ({"shares": ("NaN", "20")}, "shares"),
        ({"shares": ["10"] * 11}, "shares"),
        ({"hysteresis": "-1"}, "hysteresis"),
        ({"hysteresis": "5"}, "hysteresis"),
    ],
)
def test_cut_offs_without_sense_are_refused(options: dict[str, object], field: str) -> None:
    with pytest.raises(PlanningError) as refused:
        AbcOptions(**options)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_any_number_of_classes() -> None:
    assert _classes([50, 30, 20], shares=("50", "50")) == [0, 1, 1]
    assert _classes([1] * 4 + [2] * 3, shares=(25, 25, 25, 25)) == [2] * 4 + [0] * 3


def test_floats_are_taken_for_the_decimal_that_they_mean() -> None:
    assert _classes([70, 20, 10], shares=(70.1, 19.9, 10)) == [0, 0, 2]


@given(amounts)
def test_the_definition_item_by_item(values: list[int]) -> None:
    """The same by fractions, one item after the other."""
    whole = sum(max(value, 0) for value in values)
    expected = []
    for value in values:
        before = sum(other for other in values if other > value)
        if value <= 0:
            expected.append(C)
        else:
            share = Fraction(before, whole)
            expected.append(
                A if share < Fraction(80, 100) else B if share < Fraction(95, 100) else C
            )
    assert _classes(values) == expected


@given(amounts, st.randoms(use_true_random=False), st.integers(1, 10**9))
def test_neither_order_nor_scale_nor_items_without_value_change_a_class(
    values: list[int], random: object, factor: int
) -> None:
    order = list(range(len(values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    found = _classes(values)
    assert _classes([values[index] for index in order]) == [found[index] for index in order]
    assert _classes([value * factor for value in values]) == found
    assert _classes([*values, 0, -7]) == [*found, C, C]


@given(amounts)
def test_more_value_is_never_a_lower_class(values: list[int]) -> None:
    ranked = sorted(zip(values, _classes(values), strict=True))
    assert [code for _, code in ranked] == sorted((code for _, code in ranked), reverse=True)


@given(amounts, st.data())
def test_hysteresis_moves_no_class_that_would_stay_without_it(
    values: list[int], data: st.DataObject
) -> None:
    raw = np.array(_classes(values), dtype=np.int8)
    options = AbcOptions(hysteresis=data.draw(st.sampled_from(["0", "1", "4.9"])))
    assert classify(_array(values), options, raw).classes.tolist() == raw.tolist()


def test_the_retailers_split_agrees_with_pandas() -> None:
    """By annual consumption value: classes, ranks and shares, to the last digit."""
    worth = retail.sales().groupby("sku").value.sum()
    found = classify(worth.to_numpy())

    frame = worth.sort_values(ascending=False).to_frame("value")
    frame["rank"] = frame.value.rank(method="min", ascending=False).astype(int)
    frame["share"] = 100 * frame.value / frame.value.sum()
    before = frame.value.cumsum() - frame.value
    frame["before"] = 100 * before.groupby(frame.value).transform("min") / frame.value.sum()
    frame["klass"] = pd.cut(frame.before, [0, 80, 95, 101], right=False, labels=list("ABC"))
    frame = frame.loc[worth.index]

    assert len(worth) > 3_000
    assert ["ABC"[code] for code in found.classes] == frame.klass.tolist()
    assert found.rank.tolist() == frame["rank"].tolist()
    assert found.share.tolist() == frame.share.round(6).tolist()
    assert found.cumulative_share.tolist() == frame.before.round(6).tolist()
    assert {*found.classes.tolist()} == {A, B, C}
