"""Steps of an explanation as callers see them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import RowMapping

from ledger.domain.codes import instant_text
from ledger.domain.quantities import text
from ledger.events.trails import trail_document
from projections.explaining.limits import Limits
from projections.views.movement_rows import document_of

Document = dict[str, Any]
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Links(NamedTuple):
    """What the steps of a page need to know beside their own rows.

    `movements` by offset are those that reverse, or are reversed by, one of the page; `counted`
    says where an id of a void record counts. What was recorded beyond the `limits` is not named.
    """

    scale: int
    limits: Limits
    newest_first: bool
    movements: Mapping[int, RowMapping]
    counted: Mapping[str, int]


def movement_step(row: RowMapping, moved: int, after: int, links: Links) -> Document:
    """A movement that counts: what it changed, and the balance it left."""
    document = document_of(row)
    document["reversal_of"] = _linked(row["reverses_offset"], links)
    document["reversed_by"] = _linked(row["reversed_by"], links)
    return {
        "kind": "movement",
        "change": text(moved, links.scale),
        "balance": text(after, links.scale),
        **document,
    }


def refused_step(row: RowMapping, balance: int, links: Links) -> Document:
    """A command that was refused: it changed nothing."""
    return {
        "kind": "refused",
        "change": "0",
        "balance": text(balance, links.scale),
        "id": row["id"],
        "type": row["type"],
        "sku": row["sku"],
        "code": row["code"],
        "detail": row["detail"],
        "numbers": _decode(row["numbers"]),
        "quantity": row["quantity"],
        "location": row["location"],
        "recorded_at": instant_text(row["recorded_ms"] * 1000),
        "actor": row["actor"],
        **trail_document(row["trail"]),
        "position": _position(row),
    }


def void_step(row: RowMapping, balance: int, links: Links) -> Document:
    """A record that lies in the log and does not count; what it says is not history."""
    offset = links.counted.get(row["id"] or "")
    known = offset is not None and links.limits.knows(offset)
    counts_at = {"partition": row["partition"], "offset": offset} if known else None
    return {
        "kind": "void",
        "change": "0",
        "balance": text(balance, links.scale),
        "id": row["id"],
        "type": row["type"],
        "sku": row["sku"],
        "quantity": row["quantity"],
        "from": row["source"],
        "to": row["target"],
        "lot": row["lot"],
        "status": row["status"],
        "stated_offset": row["stated"],
        "counts_at": counts_at,
        "recorded_at": instant_text(row["recorded_ms"] * 1000),
        "actor": row["actor"],
        "position": _position(row),
    }


def _linked(offset: int | None, links: Links) -> Document | None:
    if offset is None or not links.limits.knows(offset):
        return None
    row = links.movements.get(offset)
    if row is None:
        # Both lie in one partition and are read in their order, so the views would be broken.
        raise AssertionError(f"no movement lies at the offset {offset} that another names")
    return {
        "id": row["id"],
        "type": row["type"],
        "quantity": text(row["quantity"], links.scale),
        "recorded_at": instant_text(row["recorded_ms"] * 1000),
        "position": _position(row),
    }


def _position(row: RowMapping) -> dict[str, int]:
    return {"partition": row["partition"], "offset": row["log_offset"]}
