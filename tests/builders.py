"""Tiny makers: a command with everything a test does not care about filled in."""

import itertools
from typing import Any

from ledger.domain import codes, movements, supply
from ledger.domain.items import DefineItem, Item

SKU = "85123A"
PLACE = "MAIN/A/01"
NOW_MS = 1_790_000_000_000
DAY_US = 86_400_000_000

_numbers = itertools.count(1)


def new_id() -> str:
    """An id that no other call gives."""
    return f"id-{next(_numbers)}"


def _filled(more: dict[str, Any]) -> dict[str, Any]:
    return {"id": new_id(), "sku": SKU, **more}


def receipt(quantity: Any = "6", **more: Any) -> movements.Receipt:
    """Goods from a supplier."""
    return movements.Receipt(quantity=quantity, **_filled({"location": PLACE, **more}))


def transfer(quantity: Any = "1", **more: Any) -> movements.Transfer:
    """From PLACE to another place."""
    places = {"from_location": PLACE, "to_location": "MAIN/B"}
    return movements.Transfer(quantity=quantity, **_filled({**places, **more}))


def pick(quantity: Any = "1", **more: Any) -> movements.Pick:
    """To the customer, unless `to_location` is given."""
    return movements.Pick(quantity=quantity, **_filled({"location": PLACE, **more}))


def issue(quantity: Any = "1", **more: Any) -> movements.Issue:
    """To the customer."""
    return movements.Issue(quantity=quantity, **_filled({"location": PLACE, **more}))


def customer_return(quantity: Any = "1", **more: Any) -> movements.CustomerReturn:
    """From the customer."""
    return movements.CustomerReturn(quantity=quantity, **_filled({"location": PLACE, **more}))


def supplier_return(quantity: Any = "1", **more: Any) -> movements.SupplierReturn:
    """Back to the supplier."""
    return movements.SupplierReturn(quantity=quantity, **_filled({"location": PLACE, **more}))


def adjustment(quantity: Any = "1", **more: Any) -> movements.Adjustment:
    """Found, or lost if negative."""
    given = {"location": PLACE, "reason": "found", **more}
    return movements.Adjustment(quantity=quantity, **_filled(given))


def scrap(quantity: Any = "1", **more: Any) -> movements.Scrap:
    """Destroyed."""
    given = {"location": PLACE, "reason": "damaged", **more}
    return movements.Scrap(quantity=quantity, **_filled(given))


def status_change(quantity: Any = "1", **more: Any) -> movements.StatusChange:
    """Into quarantine."""
    given = {"location": PLACE, "from_status": "available", "to_status": "quarantined", **more}
    return movements.StatusChange(quantity=quantity, **_filled(given))


def reversal(reverses: str, **more: Any) -> movements.Reversal:
    """Of the movement with that id."""
    return movements.Reversal(reverses=reverses, **_filled(more))


def place(quantity: Any = "10", **more: Any) -> supply.PlaceSupplyOrder:
    """A supply order, due in two weeks."""
    expected_at = codes.instant_text(NOW_MS * 1000 + 14 * DAY_US)
    given = {"supplier": "ACME", "location": "MAIN", "expected_at": expected_at, **more}
    return supply.PlaceSupplyOrder(quantity=quantity, **_filled(given))


def change(supply_order: str, **more: Any) -> supply.ChangeSupplyOrder:
    """Of the supply order with that id."""
    return supply.ChangeSupplyOrder(supply_order=supply_order, **_filled(more))


def close(supply_order: str, reason: str = "received", **more: Any) -> supply.CloseSupplyOrder:
    """Nothing more is to come of the supply order with that id."""
    return supply.CloseSupplyOrder(supply_order=supply_order, reason=reason, **_filled(more))


def define(sku: str = SKU, *, id: str | None = None, **fields: Any) -> DefineItem:  # noqa: A002
    """Describe an item."""
    return DefineItem(id or new_id(), sku, Item(**fields))
