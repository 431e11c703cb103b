"""Blocks of a SKU's movements: how they are made, merged and summed. Pure functions on arrays.

The movements of a SKU are numbered in the order of their offsets. Block `number` of `level` holds
those from number * size to (number + 1) * size, where size = block * fan_out^level of the `Shape`,
in the order of (instant of occurrence, offset). So the first movements of a SKU, however many, are
a few blocks and less than `block` others; and of a block those that occurred before an instant are
the sums in front of one slice and a part of that slice. (The logarithmic method: Bentley and
Saxe, "Decomposable searching problems I", 1980, with every level kept.)

Sums are exact: a quantity is split into `high` * 2^32 + `low`, whose sums over any block stay far
inside 64 bits, and they are put together again as integers of Python.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np

from projections.history.packing import Column, pack, unpack


class Shape(NamedTuple):
    """How large blocks are. What is stored was made with one shape; another needs it made anew.

    `block` movements are a block of level 0, `fan_out` blocks one of the next level, up to
    `level_max`; of more movements the blocks of that level are summed one by one. `slice` movements
    are a slice; more where the block has more stock keys, so that the sums in front of the slices
    take no more room than the movements.
    """

    block: int
    fan_out: int
    level_max: int
    slice: int


# The highest blocks have a million movements.
SHAPE: Final = Shape(block=256, fan_out=8, level_max=4, slice=64)
# The account that is none of the SKU's stock keys: a virtual one.
VIRTUAL: Final = -1
_HALF_BITS: Final = 32
_HALF: Final = 1 << _HALF_BITS


class Block(NamedTuple):
    """Movements in the order in which they occurred, as columns of equal length.

    `source` and `target` are numbers of stock keys, or VIRTUAL. `value` is what entered stock, in
    millionths; negative where it left, and 0 where goods stayed in stock.
    """

    occurred_us: Column
    offset: Column
    source: Column
    target: Column
    quantity: Column
    value: Column


class Slice(NamedTuple):
    """A part of a block, packed; `sums` is what everything before it in the block adds up to."""

    first_occurred_us: int
    first_offset: int
    sums: bytes
    entries: bytes


class Sums:
    """What movements add up to: balances by the number of the stock key, and the value."""

    __slots__ = ("keys", "value")

    def __init__(self) -> None:
        """Nothing."""
        self.keys: dict[int, int] = {}
        self.value = 0

    def add(self, key: int, amount: int) -> None:
        """Add to one balance."""
        self.keys[key] = self.keys.get(key, 0) + amount


def parts(blocks: int) -> list[tuple[int, int]]:
    """The fewest blocks (level, number) that are the first `blocks` of level 0."""
    found = []
    start = 0
    for level in range(SHAPE.level_max, -1, -1):
        size = SHAPE.fan_out**level
        while start + size <= blocks:
            found.append((level, start // size))
            start += size
    return found


def completed(number: int) -> list[tuple[int, int]]:
    """The blocks (level, number) above level 0 that end with this block of level 0."""
    ends = number + 1
    return [
        (level, ends // SHAPE.fan_out**level - 1)
        for level in range(1, SHAPE.level_max + 1)
        if ends % SHAPE.fan_out**level == 0
    ]


def merge(children: Sequence[Block]) -> Block:
    """One block of all of these."""
    columns = [np.concatenate(several) for several in zip(*children, strict=True)]
    return in_order(Block(*columns))


def in_order(block: Block) -> Block:
    """The same movements by (instant of occurrence, offset)."""
    order = np.lexsort((block.offset, block.occurred_us))
    return Block(*(column[order] for column in block))


def cut(block: Block) -> list[Slice]:
    """The slices of a block whose movements are in order."""
    keys = np.unique(np.concatenate((block.source, block.target)))
    keys = keys[keys != VIRTUAL]
    length = max(SHAPE.slice, len(keys))
    starts = range(0, len(block.offset), length)
    before = _running(block, keys, length, len(starts))
    return [
        Slice(
            int(block.occurred_us[start]),
            int(block.offset[start]),
            _packed_sums(keys, before[number]),
            pack([column[start : start + length] for column in block]),
        )
        for number, start in enumerate(starts)
    ]


def _running(block: Block, keys: Column, length: int, slices: int) -> Column:
    """By slice, halves, and stock key (the value behind them): the sums of what lies before it."""
    width = len(keys) + 1
    sums = np.zeros(slices * 2 * width, np.int64)
    row = np.arange(len(block.offset)) // length * 2
    for account, sign in ((block.source, -1), (block.target, 1)):
        real = account != VIRTUAL
        place = np.searchsorted(keys, account[real])
        for half, amounts in enumerate(_halves(block.quantity[real])):
            np.add.at(sums, (row[real] + half) * width + place, sign * amounts)
    for half, amounts in enumerate(_halves(block.value)):
        np.add.at(sums, (row + half) * width + len(keys), amounts)
    of_slices = sums.reshape(slices, 2, width)
    running: Column = np.cumsum(of_slices, axis=0) - of_slices
    return running


def _halves(amounts: Column) -> tuple[Column, Column]:
    return amounts >> _HALF_BITS, amounts & (_HALF - 1)


def _packed_sums(keys: Column, sums: Column) -> bytes:
    some = np.flatnonzero(np.abs(sums[:, :-1]).sum(axis=0))
    return pack([keys[some], sums[0, some], sums[1, some], sums[:, -1]])


def load(entries: Iterable[bytes]) -> Block:
    """Slices put together, as they come."""
    columns = [unpack(data) for data in entries]
    return Block(*(np.concatenate(several) for several in zip(*columns, strict=True)))


def sum_up(
    slices: Iterable[tuple[bytes, bytes]], before: tuple[int, int] | None, into: Sums
) -> None:
    """Add what lies before `before` in some blocks: `sums` and `entries` of the last slice of each
    that begins before it."""
    packed = []
    for sums, entries in slices:
        _add_sums(sums, into)
        packed.append(entries)
    if not packed:
        return
    block = load(packed)
    if before is not None:
        instant, offset = before
        then = block.occurred_us
        early = (then < instant) | ((then == instant) & (block.offset < offset))
        block = Block(*(column[early] for column in block))
    for account, sign in ((block.source, -1), (block.target, 1)):
        real = account != VIRTUAL
        for key, amount in zip(account[real].tolist(), block.quantity[real].tolist(), strict=True):
            into.add(key, sign * amount)
    into.value += sum(block.value.tolist())


def _add_sums(packed: bytes, into: Sums) -> None:
    keys, high, low, value = unpack(packed)
    for key, more, less in zip(keys.tolist(), high.tolist(), low.tolist(), strict=True):
        into.add(key, more * _HALF + less)
    into.value += int(value[0]) * _HALF + int(value[1])
