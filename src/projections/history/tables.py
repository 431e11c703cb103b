"""The tables of balance checkpoints. They are a cache: without their rows every answer is the same.

The movements of a SKU, in the order of their offsets, form **blocks** of `blocks.BLOCK_MOVEMENTS`;
eight blocks of a level form one of the next. A block holds its movements in the order in which they
occurred, cut into **slices**, each with the sums of everything before it in the block. What is in a
block depends on the log alone, and never changes.
"""

from typing import Final

from sqlalchemy import Column, Index, Integer, LargeBinary, SmallInteger, Table

from projections.table_parts import metadata, number, text

# The name under which `view_positions` has how far movements are counted.
HISTORY_GROUP: Final = "history"

# One row a SKU that ever moved: how many of its movements were counted, up to the position of the
# group `history`, and how many blocks of level 0 are there. `accounts` are the stock keys that its
# slices name by number, as JSON: [[location, lot, status], …].
history_skus = Table(
    "history_skus",
    metadata,
    text("sku", key=True),
    Column("partition", Integer, nullable=False),
    number("counted"),
    number("blocks"),
    text("accounts"),
)

# One row a block of level 0: where it ends. Its higher blocks are there as soon as it is.
history_blocks = Table(
    "history_blocks",
    metadata,
    text("sku", key=True),
    number("last_offset"),
    number("last_recorded_ms"),
    Column("number", Integer, primary_key=True, autoincrement=False),
)
Index("history_blocks_by_offset", history_blocks.c.sku, history_blocks.c.last_offset)

# One row a slice of a block, packed as `blocks` says.
history_slices = Table(
    "history_slices",
    metadata,
    text("sku", key=True),
    number("first_occurred_us"),
    number("first_offset"),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("slice", Integer, primary_key=True, autoincrement=False),
    Column("sums", LargeBinary, nullable=False),
    Column("entries", LargeBinary, nullable=False),
)
_s = history_slices.c
Index(
    "history_slices_by_occurred",
    _s.sku, _s.level, _s.number, _s.first_occurred_us, _s.first_offset, _s.slice,
)  # fmt: skip
