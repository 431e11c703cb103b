"""Positions in the log on the wire: `3:17` is the record at offset 17 of partition 3."""

from collections.abc import Mapping

from api.answers import POSITION_HEADER, Header


def position_header(positions: Mapping[int, int]) -> Header:
    """`Ledger-Position` of the records written: the highest offset of each partition."""
    text = ",".join(f"{partition}:{offset}" for partition, offset in sorted(positions.items()))
    return POSITION_HEADER, text.encode()
