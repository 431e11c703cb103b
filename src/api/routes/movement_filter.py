"""Which movements a list shows, from the query."""

from typing import Final

from api import queries
from api.problems import Problem
from api.queries import Query
from ledger.domain import codes
from projections.views.movements import MovementFilter

TYPES: Final = (
    "receipt", "transfer", "pick", "issue", "customer_return", "supplier_return", "adjustment",
    "scrap", "status_change", "reversal",
)  # fmt: skip


def movement_filter(query: Query) -> MovementFilter:
    """What the query asks for. Raises Problem."""
    kind = query.get("type")
    if kind is not None and kind not in TYPES:
        raise Problem("invalid_request", f"type is one of {', '.join(TYPES)}")
    if "reference_type" in query and "reference" not in query:
        raise Problem("invalid_request", "reference_type goes with reference")
    for name in ("reference", "reference_type"):
        text = query.get(name, "-")
        if not (0 < len(text) <= codes.TEXT_LENGTH_MAX and codes.printable(text)):
            raise Problem("invalid_reference", f"{name} is a short printable text")
    return MovementFilter(
        sku=queries.optional_sku(query),
        location=queries.optional_location(query),
        location_below=True,
        lot=queries.optional_lot(query),
        type=kind,
        reference_id=query.get("reference"),
        reference_type=query.get("reference_type"),
        occurred_from_us=queries.optional_instant(query, "occurred_from"),
        occurred_until_us=queries.optional_instant(query, "occurred_until"),
        recorded_from_ms=_milliseconds(queries.optional_instant(query, "recorded_from")),
        recorded_until_ms=_milliseconds(queries.optional_instant(query, "recorded_until")),
    )


def _milliseconds(microseconds: int | None) -> int | None:
    """Rounded up: a record of a millisecond lies at or after the instant, or before it."""
    return None if microseconds is None else -(-microseconds // 1000)
