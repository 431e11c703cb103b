"""Columns of whole numbers as bytes: each in the narrowest width that holds its range."""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.int64]

_HEADER: Final = struct.Struct("<Bqi")  # width in bytes, least number, how many numbers
_NONE: Final = np.zeros(0, np.uint64)
_FEW: Final = 64
_WIDTHS: Final = {1: "<u1", 2: "<u2", 4: "<u4", 8: "<u8"}


def pack(columns: Sequence[Column]) -> bytes:
    """The columns one after the other."""
    return b"".join(_packed(column) for column in columns)


def unpack(data: bytes) -> list[Column]:
    """What was packed."""
    columns: list[Column] = []
    at = 0
    while at < len(data):
        width, least, count = _HEADER.unpack_from(data, at)
        at += _HEADER.size
        above = np.frombuffer(data, _WIDTHS[width], count, at) if count else _NONE
        # Numbers of 64 bits wrap around on the way there and back, so that no range is too wide.
        columns.append(above.astype(np.uint64).view(np.int64) + least)
        at += width * count
    return columns


def _packed(column: Column) -> bytes:
    count = len(column)
    if not count:
        return _HEADER.pack(1, 0, 0)
    # Of few numbers the interpreter finds the least and the greatest sooner than numpy does.
    among: Any = column.tolist() if count <= _FEW else (int(column.min()), int(column.max()))
    least = min(among)
    most = max(among) - least
    width = next(width for width in _WIDTHS if most < 1 << (8 * width))
    # What is out of range wraps around: the bits are right.
    data: bytes = (column - least).astype(_WIDTHS[width]).tobytes()
    return _HEADER.pack(width, least, count) + data
