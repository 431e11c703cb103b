"""Positions in the log on the wire: `3:17` is the record at offset 17 of partition 3."""

import re
from collections.abc import Mapping

from api.answers import POSITION_HEADER, Header
from api.limits import POSITION_OFFSET_MAX
from api.problems import Problem

_POSITIONS_MAX = 1_024
_POSITION = re.compile(r"(0|[1-9][0-9]{0,5}):(0|[1-9][0-9]{0,18})", re.ASCII)


def position_header(positions: Mapping[int, int]) -> Header:
    """`Ledger-Position` of the records written: the highest offset of each partition."""
    text = ",".join(f"{partition}:{offset}" for partition, offset in sorted(positions.items()))
    return POSITION_HEADER, text.encode()


def parse_positions(text: str, partitions: int) -> dict[int, int]:
    """The partitions and offsets of a `min_position`, or a problem."""
    parts = text.split(",")
    if len(parts) > _POSITIONS_MAX:
        raise _malformed(f"at most {_POSITIONS_MAX} positions")
    positions: dict[int, int] = {}
    for part in parts:
        match = _POSITION.fullmatch(part.strip(" "))
        if match is None:
            raise _malformed("expected partition:offset, several separated by commas")
        partition, offset = int(match[1]), int(match[2])
        if partition >= partitions:
            raise _malformed(f"the log has the partitions 0 to {partitions - 1}")
        if offset > POSITION_OFFSET_MAX:
            raise _malformed("the offset is beyond any log's end")
        positions[partition] = max(offset, positions.get(partition, 0))
    return positions


def _malformed(why: str) -> Problem:
    return Problem("invalid_request", f"min_position: {why}")
