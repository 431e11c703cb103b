"""A movement as callers see it over HTTP, made from the fact alone."""

from typing import Any

import msgspec

from ledger.domain import codes, quantities
from ledger.domain.facts import Moved
from ledger.domain.stock import is_available, split_key
from ledger.events.codec import command_type
from ledger.events.trails import trail_document

Document = dict[str, Any]


def _entry(account: str, quantity: str, after: int, scale: int) -> Document:
    if account[0] == "@":
        return {"account": account, "quantity": quantity}
    location, lot, status = split_key(account)
    on_hand = quantities.text(after, scale)
    return {
        "location": location,
        "lot": lot,
        "status": status,
        "quantity": quantity,
        "on_hand": on_hand,
        "available": on_hand if is_available(account) else "0",
    }


def entries(fact: Moved) -> list[Document]:
    """The account taken from and the account put into, signed, with balances where real."""
    quantity = quantities.text(fact.quantity, fact.scale)
    return [
        _entry(fact.source, f"-{quantity}", fact.source_after, fact.scale),
        _entry(fact.target, quantity, fact.target_after, fact.scale),
    ]


def movement_document(fact: Moved, partition: int | None) -> Document:
    """The `movement` of an answer; without a position where it is only a dry run."""
    command = fact.command
    asked = msgspec.to_builtins(command)
    quantity = asked.get("quantity", quantities.text(fact.quantity, fact.scale))
    document: Document = {
        "id": fact.id,
        "type": command_type(command),
        "sku": fact.sku,
        "quantity": str(quantity),
        "entries": entries(fact),
        "value": quantities.cost_text(fact.value),
        "cost_basis": fact.cost_basis,
        "occurred_at": codes.instant_text(fact.occurred_us),
        "recorded_at": codes.instant_text(fact.recorded_ms * 1000),
        "late": fact.late,
        "actor": fact.actor,
        **trail_document(fact.trail),
    }
    for name in (
        "reference",
        "reason",
        "note",
        "unit_cost",
        "disposition",
        "original_id",
        "supply_order",
    ):
        if name in asked:
            document[name] = asked[name]
    if "reverses" in asked:
        document["reverses"] = asked["reverses"]
    if partition is not None:
        document["position"] = {"partition": partition, "offset": fact.offset}
    return document


def stock_document(fact: Moved) -> list[Document]:
    """The `stock` of an answer: each real account touched, with its balances afterwards."""
    return [
        {
            "sku": fact.sku,
            "location": entry["location"],
            "lot": entry["lot"],
            "status": entry["status"],
            "on_hand": entry["on_hand"],
            "reserved": "0",
            "available": entry["available"],
        }
        for entry in entries(fact)
        if "location" in entry
    ]
