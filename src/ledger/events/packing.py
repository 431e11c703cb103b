"""Facts as one process hands them to another, which makes the records of them (`recording`).

Both are of one version and of one start of the ledger, so nothing here is kept or upgraded. It is
JSON, which is written faster than MessagePack where names and numbers are short.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from ledger.domain.facts import Fact, LevelRaised, Moved, Refused
from ledger.domain.items import ItemDefined
from ledger.domain.supply import SupplyOrderChanged, SupplyOrderClosed, SupplyOrderPlaced
from ledger.events.recording import record
from ledger.log import NewRecordTuple, Packed, Unrecorded

_encode = msgspec.json.Encoder().encode
_KINDS: dict[type, int] = {
    Moved: 0,
    Refused: 1,
    ItemDefined: 2,
    LevelRaised: 3,
    SupplyOrderPlaced: 4,
    SupplyOrderChanged: 5,
    SupplyOrderClosed: 6,
}
_decoders: dict[int, msgspec.json.Decoder[Any]] = {
    number: msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]
    for kind, number in _KINDS.items()
}


def pack(facts: Sequence[Fact], traceparent: bytes | None, trail: bytes | None) -> list[Packed]:
    """Pack facts that were decided together: at one time, of one request.

    `trail` is what all of them have; they need not have it yet.
    """
    return [
        Packed(_KINDS[kind], traceparent, trail, _encode([*some]))
        for kind, some in groupby(facts, type)
    ]


def unpack(partition: int, facts: Unrecorded) -> tuple[list[NewRecordTuple], str]:
    """The records of packed facts, and the hash of the last one.

    Raises msgspec.MsgspecError, KeyError.
    """
    records: list[NewRecordTuple] = []
    head = facts.head
    for kind, traceparent, trail, some in facts.packed:
        decoded = _decoders[kind].decode(some)
        mark(decoded, trail)
        head, _ = record(partition, facts.source, head, decoded, traceparent, records)
    return records, head


def mark(facts: Sequence[Fact], trail: bytes | None) -> None:
    """Let facts that were decided together have the trail of their request."""
    if trail is not None:
        for fact in facts:
            fact.trail = trail  # type: ignore[union-attr]
