"""The example of an explanation: six came, two went, one pick was too much."""

from typing import Any, Final

from api.schemas.examples import MOVEMENT

_LINK: Final[dict[str, Any]] = dict.fromkeys(("reversal_of", "reversed_by"))
EXPLANATION: Final[dict[str, Any]] = {
    "sku": "85123A",
    "scope": {"location": "MAIN/A/01", "lot": None, "status": None, "account": None},
    "on_hand": "6",
    "as_of_position": {"3": 18},
    "summary": {
        "opening": "0",
        "movements": 1,
        "complete": True,
        "agrees": True,
        "by_type": [
            {"type": "receipt", "movements": 1, "late": 0, "in": "6", "out": "0", "net": "6"}
        ],
    },
    "opening": "0",
    "closing": "6",
    "items": [
        {
            "kind": "refused",
            "change": "0",
            "balance": "6",
            "id": "so-13-1",
            "type": "pick",
            "sku": "85123A",
            "code": "insufficient_stock",
            "detail": "9 requested, 6 available",
            "numbers": {"requested": "9", "available": "6", "shortfall": "3"},
            "quantity": "9",
            "location": "MAIN/A/01",
            "recorded_at": "2026-11-22T10:05:00Z",
            "actor": "k3v9x1m2q8",
            "credential": "5f2b9c01",
            "origin": "recordMovement@wms-1-3fa2b1",
            "request_id": "9d1e5b7c6a3f4e2d8c0b1a2f3e4d5c6b",
            "position": {"partition": 3, "offset": 18},
        },
        {"kind": "movement", "change": "6", "balance": "6", **MOVEMENT, **_LINK},
    ],
    "next_cursor": None,
}
