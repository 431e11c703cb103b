"""From rows of `movements` to new blocks of a SKU, as rows of the tables of checkpoints."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from projections.history import blocks as shaped
from projections.history.blocks import VIRTUAL, Block, completed, cut, in_order, merge

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
    rows: Sequence[Any], first: int, accounts: Sequence[Stock], children: Mapping[Key, Block]
) -> Made:
    """Blocks of level 0 from number `first` on, and those above that end with them.

    `rows` are as many movements as that takes, in the order of their offsets. `children` has what
    `missing_children` names.
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
        blocks.append((rows[end - 1].log_offset, rows[end - 1].recorded_ms, number))
        slices += _rows_of(0, number, made[0, number])
        for level, parent in completed(number):
            made[level, parent] = merge([made.pop(one) for one in _children(level, parent)])
            slices += _rows_of(level, parent, made[level, parent])
    return Made(blocks, slices, list(known))


def _children(level: int, parent: int) -> list[Key]:
    fan_out = shaped.SHAPE.fan_out
    return [(level - 1, parent * fan_out + child) for child in range(fan_out)]


def _block(rows: Sequence[Any], known: dict[Stock, int]) -> Block:
    """The movements as columns; stock keys that are new are added to those known."""

    def place(account: str, lot: str | None, status: str | None) -> int:
        # Only real accounts have a status.
        if status is None:
            return VIRTUAL
        return known.setdefault((account, lot or "", status), len(known))

    # Row by row, so that the numbers do not depend on how many rows come at once.
    places = [
        (
            place(row.source, row.lot, row.source_status),
            place(row.target, row.lot, row.target_status),
        )
        for row in rows
    ]
    sources, targets = zip(*places, strict=True)
    return Block(
        np.array([row.occurred_us for row in rows], np.int64),
        np.array([row.log_offset for row in rows], np.int64),
        np.array(sources, np.int64),
        np.array(targets, np.int64),
        np.array([row.quantity for row in rows], np.int64),
        np.array(
            [
                0 if (source < 0) == (target < 0) else row.value if source < 0 else -row.value
                for row, source, target in zip(rows, sources, targets, strict=True)
            ],
            np.int64,
        ),
    )


def _rows_of(level: int, number: int, block: Block) -> list[tuple[Any, ...]]:
    return [
        (part.first_occurred_us, part.first_offset, level, number, index, part.sums, part.entries)
        for index, part in enumerate(cut(block))
    ]
