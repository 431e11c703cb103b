"""Movements as flat rows, for people with spreadsheets, data frames and queries.

Instants are microseconds since 1970 UTC, quantities (integer, scale) pairs: what a file of a kind
makes of them is its own matter.
"""

from functools import lru_cache
from typing import NamedTuple

from ledger.domain import quantities
from ledger.domain.facts import Moved
from ledger.domain.stock import split_key
from ledger.events.codec import command_type
from ledger.events.trails import trail_document

TRAILS_KEPT = 4_096
# An integer and how many of its digits lie behind the point.
Exact = tuple[int, int]


class Row(NamedTuple):
    """One movement. `from_` and `to_` are its two accounts: either a virtual one (`…account`), or
    a stock key with what it holds afterwards (`…on_hand`)."""

    partition: int
    offset: int
    id: str
    type: str
    sku: str
    quantity: Exact
    from_account: str | None
    from_location: str | None
    from_lot: str | None
    from_status: str | None
    from_on_hand: Exact | None
    to_account: str | None
    to_location: str | None
    to_lot: str | None
    to_status: str | None
    to_on_hand: Exact | None
    value: Exact
    cost_basis: str
    occurred_at: int
    recorded_at: int
    late: bool
    reason: str | None
    reference_type: str | None
    reference_id: str | None
    note: str | None
    supply_order: str | None
    reverses_offset: int | None
    original_offset: int | None
    actor: str | None
    credential: str | None
    origin: str | None
    request_id: str | None


COLUMNS = Row._fields
EXACT = ("quantity", "from_on_hand", "to_on_hand", "value")
INSTANTS = ("occurred_at", "recorded_at")

Side = tuple[str | None, str | None, str | None, str | None, Exact | None]


def row_of(partition: int, fact: Moved) -> Row:
    """The row of a movement."""
    command = fact.command
    reference = command.reference
    return Row(
        partition,
        fact.offset,
        fact.id,
        command_type(command),
        fact.sku,
        (fact.quantity, fact.scale),
        *_side(fact.source, fact.source_after, fact.scale),
        *_side(fact.target, fact.target_after, fact.scale),
        (fact.value, quantities.COST_SCALE),
        fact.cost_basis,
        fact.occurred_us,
        fact.recorded_ms * 1000,
        fact.late,
        getattr(command, "reason", None),
        None if reference is None else reference.type,
        None if reference is None else reference.id,
        command.note,
        getattr(command, "supply_order", None),
        fact.reverses_offset if fact.reverses_offset >= 0 else None,
        fact.original_offset if fact.original_offset >= 0 else None,
        fact.actor,
        *_trail(fact.trail),
    )


@lru_cache(TRAILS_KEPT)
def _trail(trail: bytes | None) -> tuple[str | None, str | None, str | None]:
    """Credential, origin and id of the request, which the movements of a bulk share."""
    found = trail_document(trail)
    return found["credential"], found["origin"], found["request_id"]


def _side(account: str, after: int, scale: int) -> Side:
    if account[0] == "@":
        return account, None, None, None, None
    location, lot, status = split_key(account)
    return None, location, lot, status, (after, scale)
