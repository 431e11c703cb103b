"""Balance checkpoints of one partition, made again from the movements that they were made from.

Those are held against the log row by row. What is in a checkpoint depends on them alone.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, func, select

from ops.findings import Finding
from ops.verify.rows import Row, Rows, Shape, compare, differing
from projections.history import blocks
from projections.history.block_making import COLUMNS, make, missing_children
from projections.history.blocks import completed, load
from projections.history.tables import history_blocks, history_skus, history_slices
from projections.tables import movements

_BLOCKS_AT_A_TIME: Final = 64
_SKUS: Final = Shape("history_skus", ("sku", "partition", "counted", "blocks", "accounts"), 1)
_BLOCKS: Final = Shape("history_blocks", ("sku", "number", "last_offset", "last_recorded_ms"), 2)
_SLICES: Final = Shape(
    "history_slices",
    ("sku", "level", "number", "slice", "first_occurred_us", "first_offset", "sums", "entries"),
    4,
)
_k, _b, _s, _m = history_skus.c, history_blocks.c, history_slices.c, movements.c
_encode = msgspec.json.Encoder().encode
_MOVEMENTS: Final = (
    select(*COLUMNS)
    .where(
        _m.sku == bindparam("sku"), _m.partition == bindparam("of"),
        _m.log_offset < bindparam("until"),
    )
    .order_by(_m.recorded_ms, _m.log_offset)
)  # fmt: skip


async def check_history(rows: Rows, partition: int, until: int) -> list[Finding]:
    """Every row of the checkpoints of a partition, which have counted up to `until`."""
    check = _Check(rows, partition, until)
    return [finding async for finding in check.run()]


class _Check:
    def __init__(self, rows: Rows, partition: int, until: int) -> None:
        self._rows = rows
        self._partition = partition
        self._until = until

    async def run(self) -> AsyncIterator[Finding]:
        counted = await self._counted()
        query = select(_k.sku, _k.partition, _k.counted, _k.blocks, _k.accounts)
        self._rows.where = "history_skus"
        stored = await self._rows.reader.all(
            query.where(_k.partition == self._partition).order_by(_k.sku)
        )
        for row in stored:
            sku, blocks_made = row["sku"], row["blocks"]
            there = tuple(row.values())
            if sku not in counted:
                for finding in compare(_SKUS, there, None):
                    yield finding
                continue
            remade = _Remade(sku)
            await self._remake(remade, min(blocks_made, counted[sku] // blocks.SHAPE.block))
            accounts = _encode(remade.accounts).decode()
            made = (sku, self._partition, counted.pop(sku), len(remade.blocks), accounts)
            for finding in compare(_SKUS, there, made):
                yield finding
            async for finding in self._compare(remade):
                yield finding
        for sku in sorted(counted):
            for finding in compare(_SKUS, None, (sku, self._partition, counted[sku], 0, "[]")):
                yield finding

    async def _counted(self) -> dict[str, int]:
        """How many movements each SKU has before the position."""
        query = select(_m.sku, func.count().label("counted")).where(
            _m.partition == self._partition, _m.log_offset < self._until
        )
        self._rows.where = "movements"
        found = await self._rows.reader.all(query.group_by(_m.sku))
        return {row["sku"]: row["counted"] for row in found}

    async def _remake(self, remade: "_Remade", wanted: int) -> None:
        if not wanted:
            return
        size = _BLOCKS_AT_A_TIME * blocks.SHAPE.block
        names = {"sku": remade.sku, "of": self._partition, "until": self._until}
        query = _MOVEMENTS.limit(wanted * blocks.SHAPE.block)
        async for part in self._rows.reader.parts(query, names, size):
            remade.add(part)

    async def _compare(self, remade: "_Remade") -> AsyncIterator[Finding]:
        reader = self._rows.reader
        self._rows.where = "history_blocks"
        query = select(_b.sku, _b.number, _b.last_offset, _b.last_recorded_ms)
        there = [tuple(row.values()) for row in await reader.all(query.where(_b.sku == remade.sku))]
        for finding in differing(_BLOCKS, there, remade.blocks):
            yield finding
        self._rows.where = "history_slices"
        slices = select(*(history_slices.c[name] for name in _SLICES.columns))
        there = [
            tuple(row.values()) for row in await reader.all(slices.where(_s.sku == remade.sku))
        ]
        for finding in differing(_SLICES, there, remade.slices):
            yield finding


class _Remade:
    """The blocks of one SKU, made again some at a time."""

    def __init__(self, sku: str) -> None:
        self.sku = sku
        self.accounts: list[Any] = []
        self.blocks: dict[Row, Row] = {}
        self.slices: dict[Row, Row] = {}
        self._made = 0
        # Blocks that others are merged from, packed.
        self._packed: dict[tuple[int, int], list[bytes]] = {}

    def add(self, rows: Any) -> None:
        """The next movements, as many as some blocks have."""
        count = len(rows) // blocks.SHAPE.block
        children = {key: load(self._packed[key]) for key in missing_children(self._made, count)}
        made = make(rows, self._made, self.accounts, children)
        self.accounts = made.accounts
        for last_offset, recorded_ms, number in made.blocks:
            self.blocks[self.sku, number] = (self.sku, number, last_offset, recorded_ms)
        for us, offset, level, number, index, sums, entries in made.slices:
            self._packed.setdefault((level, number), []).append(entries)
            row = (self.sku, level, number, index, us, offset, sums, entries)
            self.slices[row[: _SLICES.key]] = row
        for number in range(self._made, self._made + count):
            for key in _merged(number):
                self._packed.pop(key, None)
        self._made += count


def _merged(number: int) -> Iterator[tuple[int, int]]:
    """The blocks that are not needed any more once this one of level 0 is made."""
    fan_out = blocks.SHAPE.fan_out
    for level, parent in completed(number):
        for child in range(fan_out):
            yield level - 1, parent * fan_out + child
