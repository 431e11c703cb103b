"""Examples of the API's document. Tests send the requests and compare the form of the answers."""

from typing import Any, Final

RECEIPT: Final[dict[str, Any]] = {
    "id": "po-7-1",
    "type": "receipt",
    "sku": "85123A",
    "quantity": "6",
    "location": "MAIN/A/01",
    "unit_cost": "2.55",
    "reference": {"type": "purchase_order", "id": "PO-7"},
    "occurred_at": "2026-11-22T10:00:00Z",
}
PICK: Final[dict[str, Any]] = {
    "id": "so-12-1",
    "type": "pick",
    "sku": "85123A",
    "quantity": "2",
    "location": "MAIN/A/01",
}
ADJUSTMENT: Final[dict[str, Any]] = {
    "id": "audit-3",
    "type": "adjustment",
    "sku": "85123A",
    "quantity": "-1",
    "location": "MAIN/A/01",
    "reason": "damaged",
}
_POSITION: Final = {"partition": 3, "offset": 17}
_TRAIL: Final = {
    "credential": "5f2b9c01",
    "origin": "recordMovement@wms-1-3fa2b1",
    "request_id": "4bf92f3577b34da6a3ce929d0e0e4736",
}
MOVEMENT: Final[dict[str, Any]] = {
    "id": "po-7-1",
    "type": "receipt",
    "sku": "85123A",
    "quantity": "6",
    "entries": [
        {"account": "@supplier", "quantity": "-6"},
        {
            "location": "MAIN/A/01",
            "lot": None,
            "status": "available",
            "quantity": "6",
            "on_hand": "6",
            "available": "6",
        },
    ],
    "value": "15.3",
    "cost_basis": "given",
    "occurred_at": "2026-11-22T10:00:00Z",
    "recorded_at": "2026-11-22T10:00:01.25Z",
    "late": False,
    "actor": "k3v9x1m2q8",
    **_TRAIL,
    "reference": {"type": "purchase_order", "id": "PO-7"},
    "unit_cost": "2.55",
    "position": _POSITION,
}
STOCK_LINE: Final[dict[str, Any]] = {
    "sku": "85123A",
    "location": "MAIN/A/01",
    "lot": None,
    "status": "available",
    "on_hand": "6",
    "reserved": "0",
    "available": "6",
}
MOVEMENT_ANSWER: Final[dict[str, Any]] = {"movement": MOVEMENT, "stock": [STOCK_LINE]}
BULK_ANSWER: Final[dict[str, Any]] = {
    "results": [
        {"index": 0, "status": "accepted", "id": "po-7-1", "position": _POSITION},
        {
            "index": 1,
            "status": "rejected",
            "id": "so-12-1",
            "position": {"partition": 3, "offset": 18},
            "code": "insufficient_stock",
            "detail": "8 requested, 6 available",
        },
        {
            "index": 2,
            "status": "invalid",
            "id": None,
            "code": "invalid_request",
            "detail": "Object missing required field `sku`",
        },
    ]
}
SKU_STOCK: Final[dict[str, Any]] = {
    "sku": "85123A",
    "on_hand": "6",
    "unavailable": "0",
    "reserved": "0",
    "available": "6",
    "in_transit": "0",
    "on_order": "0",
    "inventory_position": "6",
    "value": "15.3",
    "positions": [{key: value for key, value in STOCK_LINE.items() if key != "sku"}],
    "as_of_position": {"3": 17},
}
_LINE_AS_OF: Final[dict[str, Any]] = {**SKU_STOCK["positions"][0], "negative": False}
SKU_STOCK_AS_OF: Final[dict[str, Any]] = {
    "sku": "85123A",
    "on_hand": "6",
    "unavailable": "0",
    "reserved": "0",
    "available": "6",
    "value": "15.3",
    "negative": False,
    "positions": [_LINE_AS_OF],
    "as_of": "2026-10-31T23:59:59Z",
    "as_of_position": {"3": 17},
}
STOCK_VALUE: Final[dict[str, Any]] = {
    "sku": "85123A", "on_hand": "6", "value": "15.3", "negative": False,
}  # fmt: skip
STOCK_ENTRY: Final[dict[str, Any]] = {
    "id": "po-7/1",
    "type": "receipt",
    "occurred_at": "2026-11-22T10:00:00Z",
    "recorded_at": "2026-11-22T10:00:00.123Z",
    "late": False,
    "position": {"partition": 3, "offset": 17},
    "actor": "local",
    "reason": None,
    "reference": {"type": "purchase_order", "id": "PO-7"},
    "reverses": None,
    "reversed_by": None,
    "from": "@supplier",
    "to": "MAIN/A/01",
    "changes": [
        {
            "location": "MAIN/A/01",
            "lot": None,
            "status": "available",
            "change": "6",
            "balance": "6",
            "negative": False,
        }
    ],
    "on_hand": "6",
    "value_change": "15.3",
    "value": "15.3",
}
ITEM_REQUEST: Final[dict[str, Any]] = {
    "name": "White hanging heart T-light holder",
    "unit": "each",
    "scale": 0,
    "inventory_type": "trading",
    "unit_cost": "2.55",
    "suppliers": [{"code": "ACME", "lead_time_days": 14, "pack_size": "12", "minimum_order": "24"}],
    "price": "4.95",
}
ITEM: Final[dict[str, Any]] = {
    "sku": "85123A",
    **ITEM_REQUEST,
    "lot_tracked": False,
    "serial_tracked": False,
    "shelf_life_days": None,
    "gtin": None,
}
ITEM_ANSWER: Final[dict[str, Any]] = {
    "id": "item-85123A-1",
    "item": ITEM,
    "position": _POSITION,
}
SUPPLY_ORDER_REQUEST: Final[dict[str, Any]] = {
    "id": "po-7-1",
    "sku": "85123A",
    "quantity": "24",
    "supplier": "ACME",
    "location": "MAIN",
    "expected_at": "2026-12-06T12:00:00Z",
    "order": "PO-7",
    "unit_cost": "2.55",
}
SUPPLY_CHANGE: Final[dict[str, Any]] = {
    "id": "po-7-1-late", "expected_at": "2026-12-13T12:00:00Z", "note": "late by a week",
}  # fmt: skip
SUPPLY_CLOSE: Final[dict[str, Any]] = {"id": "po-7-1-done", "reason": "received"}
_LINE: Final[dict[str, Any]] = {
    "id": "po-7-1",
    "sku": "85123A",
    "state": "open",
    "quantity": "24",
    "received": "0",
    "outstanding": "24",
    "over": "0",
    "under": "0",
    "expected_at": "2026-12-06T12:00:00Z",
    "supplier": "ACME",
    "location": "MAIN",
    "order": "PO-7",
    "unit_cost": "2.55",
    "placed_at": "2026-11-22T10:00:01.25Z",
}
_SUPPLY_RECORD: Final[dict[str, Any]] = {
    "recorded_at": "2026-11-22T10:00:01.25Z", "actor": "k3v9x1m2q8", "position": _POSITION,
}  # fmt: skip
SUPPLY_ANSWER: Final[dict[str, Any]] = {
    "id": "po-7-1", "supply_order": _LINE, "on_order": "24", **_SUPPLY_RECORD, **_TRAIL,
}  # fmt: skip
SUPPLY_ORDER: Final[dict[str, Any]] = {
    **_LINE,
    **dict.fromkeys(("note", "first_received_at", "last_received_at", "closed_at", "close_reason")),
    **_SUPPLY_RECORD,
}
INSUFFICIENT_STOCK: Final[dict[str, Any]] = {
    "type": "urn:problem-type:stockledger:insufficient_stock",
    "title": "There is not enough stock",
    "status": 409,
    "code": "insufficient_stock",
    "detail": "8 requested, 6 available",
    "requested": "8",
    "available": "6",
    "shortfall": "2",
    "id": "so-12-1",
    "position": {"partition": 3, "offset": 18},
}
