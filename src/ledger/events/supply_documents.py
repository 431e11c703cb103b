"""A fact about a supply order as callers see it over HTTP, made from the fact alone."""

from typing import Any

from ledger.domain import codes, quantities
from ledger.domain.supply import SupplyFact, SupplyOrderChanged, SupplyOrderPlaced
from ledger.events.trails import trail_document

Document = dict[str, Any]


def supply_document(fact: SupplyFact, partition: int | None) -> Document:
    """The answer to a command about a line; without a position where it is only a dry run.

    Of a line that is changed or closed it says what the record says, not who delivers it.
    """
    document: Document = {
        "id": fact.id,
        "supply_order": _placed(fact) if isinstance(fact, SupplyOrderPlaced) else _line(fact),
        "on_order": quantities.text(fact.on_order, fact.scale),
        "recorded_at": codes.instant_text(fact.recorded_ms * 1000),
        "actor": fact.actor,
        **trail_document(fact.trail),
    }
    if partition is not None:
        document["position"] = {"partition": partition, "offset": fact.offset}
    return document


def _line(fact: SupplyFact) -> Document:
    received = 0 if isinstance(fact, SupplyOrderPlaced) else fact.received
    name = fact.id if isinstance(fact, SupplyOrderPlaced) else fact.command.supply_order
    reason = getattr(fact.command, "reason", None)
    left = max(0, fact.quantity - received)
    figures = {
        "quantity": fact.quantity,
        "received": received,
        "outstanding": left if reason is None else 0,
        "over": max(0, received - fact.quantity),
        "under": 0 if reason is None else left,
    }
    document: Document = {
        "id": name,
        "sku": fact.sku,
        "state": "open" if reason is None else "closed",
        **{field: quantities.text(figure, fact.scale) for field, figure in figures.items()},
    }
    if reason is not None:
        document["close_reason"] = reason
    if isinstance(fact, SupplyOrderChanged | SupplyOrderPlaced):
        document["expected_at"] = codes.instant_text(fact.expected_us)
    if fact.command.note is not None:
        document["note"] = fact.command.note
    return document


def _placed(fact: SupplyOrderPlaced) -> Document:
    command = fact.command
    return {
        **_line(fact),
        "supplier": command.supplier,
        "location": command.location,
        "order": command.order,
        "unit_cost": command.unit_cost,
        "placed_at": codes.instant_text(fact.placed_us),
    }
