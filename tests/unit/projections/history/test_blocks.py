"""Blocks are exact to the last digit, however large the numbers and however they were merged."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from projections.history import blocks
from projections.history.block_making import missing_children
from projections.history.blocks import Block, Shape, Sums
from projections.history.packing import pack, unpack

INT64 = st.integers(-(2**63), 2**63 - 1)
QUANTITY_MAX = 10**18


@given(st.lists(st.lists(st.one_of(INT64, st.integers(-3, 300)), max_size=5), max_size=4))
def test_columns_come_back(columns: list[list[int]]) -> None:
    """Of any range, also where it is wider than 64 bits have a sign for, and empty ones."""
    packed = pack([np.array(column, np.int64) for column in columns])
    assert [column.tolist() for column in unpack(packed)] == columns


Row = tuple[int, int, int, int, int]
ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(-2, 2), INT64.filter(lambda one: one < 2**63 - 1)),
        st.integers(-1, 3),
        st.integers(-1, 3),
        st.sampled_from((1, 7, 10**12, QUANTITY_MAX)),
        st.sampled_from((0, 1, -1, 2**63 - 1, -(2**63))),
    ),
    min_size=1,
    max_size=30,
)


def block_of(rows: list[Row], first_offset: int) -> Block:
    """Rows (instant, source, target, quantity, value) with offsets in their order."""
    offsets = range(first_offset, first_offset + len(rows))
    instants, sources, targets, quantities, values = zip(*rows, strict=True)
    columns = (instants, offsets, sources, targets, quantities, values)
    return blocks.in_order(Block(*(np.array(column, np.int64) for column in columns)))


def naive(block: Block, before: tuple[int, int]) -> tuple[dict[int, int], int]:
    """Balances that are not zero, and the value, one movement after the other."""
    keys: dict[int, int] = {}
    worth = 0
    for instant, offset, source, target, quantity, value in zip(
        *(column.tolist() for column in block), strict=True
    ):
        if (instant, offset) < before:
            keys[source] = keys.get(source, 0) - quantity
            keys[target] = keys.get(target, 0) + quantity
            worth += value
    return {key: amount for key, amount in keys.items() if amount and key >= 0}, worth


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=3), st.integers(0, 90), st.integers(1, 7))
def test_sums_before_any_instant(several: list[list[Row]], at: int, size: int) -> None:
    """Of a block merged of others: the sums before a slice and a part of it are all before it."""
    parts: list[Block] = []
    for rows in several:
        parts.append(block_of(rows, sum(len(part.offset.tolist()) for part in parts)))
    merged = blocks.merge(parts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "SHAPE", Shape(block=1, fan_out=2, level_max=1, slice=size))
        slices = blocks.cut(merged)
    row = min(at, len(merged.offset) - 1)
    before = int(merged.occurred_us[row]), int(merged.offset[row]) + at % 2
    begun = [one for one in slices if (one.first_occurred_us, one.first_offset) < before]
    sums = Sums()
    blocks.sum_up([(one.sums, one.entries) for one in begun[-1:]], before, sums)
    found = {key: amount for key, amount in sums.keys.items() if amount}
    assert (found, sums.value) == naive(merged, before)
    assert blocks.load([one.entries for one in slices]).offset.tolist() == merged.offset.tolist()


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 63, 64, 100, 4_095, 4_096, 50_000])
def test_few_blocks_are_the_first_movements(count: int) -> None:
    """One after the other, each of them made by then, and not more than what is promised."""
    covered = 0
    for level, number in blocks.parts(count):
        size = 8**level
        assert number * size == covered
        covered += size
    assert covered == count
    assert len(blocks.parts(count)) <= 28 + count // 8**4


@pytest.mark.parametrize(("first", "count"), [(0, 64), (5, 64), (63, 1), (60, 5), (4_095, 1)])
def test_what_is_merged_is_there(first: int, count: int) -> None:
    """A block is made of eight, of which those that are not new were made before."""
    for level, number in missing_children(first, count):
        assert (number + 1) * 8**level <= first
