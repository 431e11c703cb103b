"""From rows of `movements` to new blocks of a SKU, as rows of the tables of checkpoints."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from projections.history import blocks as shaped
from projections.history.blocks import VIRTUAL, Block, completed, cut, in_order, merge
from projections.tables import movements

_m = movements.c
# What blocks are made of: the columns of a row, in this order.
COLUMNS: Final = (
    _m.occurred_us, _m.log_offset, _m.recorded_ms, _m.quantity, _m.value, _m.lot,
    _m.source, _m.source_status, _m.target, _m.target_status,
)  # fmt: skip
# Of a row: its offset and its time of recording.
_OFFSET, _RECORDED = 1, 2

# Location, lot (the empty text where there is none) and status.
Stock = tuple[str, str, str]
Key = tuple[int, int]


class Made(NamedTuple):
    """Rows without the SKU in front, and all stock keys of the SKU so far in their numbering."""

    blocks: list[tuple[Any, ...]]
    slices: list[tuple[Any, ...]]
    accounts: list[Stock]


def missing_children(first: int, count: int) -> list[Key]:
    """The blocks (level, number) that were made before block `first` of level 0 and are merged
    with what the `count` blocks from it on are."""
    made = set()
    wanted: set[Key] = set()
    for number in range(first, first + count):
        made.add((0, number))
        for level, parent in completed(number):
            wanted |= set(_children(level, parent)) - made
            made.add((level, parent))
    return sorted(wanted)


def make(
    rows: Sequence[Sequence[Any]],
    first: int,
    accounts: Sequence[Stock],
    children: Mapping[Key, Block],
) -> Made:
    """Blocks of level 0 from number `first` on, and those above that end with them.

    `rows` are as many movements as that takes, each as `COLUMNS`, in the order of their offsets.
    `children` has what `missing_children` names.
    """
    known = {account: number for number, account in enumerate(accounts)}
    whole = _block(rows, known)
    made = dict(children)
    blocks, slices = [], []
    size = shaped.SHAPE.block
    for index in range(len(rows) // size):
        number, end = first + index, (index + 1) * size
        part = Block(*(column[end - size : end] for column in whole))
        made[0, number] = in_order(part)
        blocks.append((rows[end - 1][_OFFSET], rows[end - 1][_RECORDED], number))
        slices += _rows_of(0, number, made[0, number])
        for level, parent in completed(number):
            made[level, parent] = merge([made.pop(one) for one in _children(level, parent)])
            slices += _rows_of(level, parent, made[level, parent])
    return Made(blocks, slices, list(known))


def _children(level: int, parent: int) -> list[Key]:
    fan_out = shaped.SHAPE.fan_out
    return [(level - 1, parent * fan_out + child) for child in range(fan_out)]


def _block(rows: Sequence[Sequence[Any]], known: dict[Stock, int]) -> Block:
    """The movements as columns; stock keys that are new are added to those known."""

    def place(account: str, lot: str | None, status: str | None) -> int:
        # Only real accounts have a status.
        if status is None:
            return VIRTUAL
        return known.setdefault((account, lot or "", status), len(known))

    occurred, offsets, _, quantities, values, *accounts = zip(*rows, strict=True)
    # Row by row, so that the numbers do not depend on how many rows come at once.
    places = [
        (place(source, lot, source_status), place(target, lot, target_status))
        for lot, source, source_status, target, target_status in zip(*accounts, strict=True)
    ]
    sources, targets = np.array(places, np.int64).T
    value = np.array(values, np.int64)
    value[(sources < 0) == (targets < 0)] = 0
    value[sources >= 0] *= -1
    return Block(
        np.array(occurred, np.int64),
        np.array(offsets, np.int64),
        sources,
        targets,
        np.array(quantities, np.int64),
        value,
    )


def _rows_of(level: int, number: int, block: Block) -> list[tuple[Any, ...]]:
    return [
        (part.first_occurred_us, part.first_offset, level, number, index, part.sums, part.entries)
        for index, part in enumerate(cut(block))
    ]
