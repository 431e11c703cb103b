"""The answer to a movement that was recorded, straight from the fact to bytes.

The same document as `ledger.events.documents` makes, without the dictionaries in between: this is
done for every movement. A test holds the two against each other.
"""

from functools import lru_cache

from msgspec import UNSET, Struct, UnsetType

from api.answers import encode
from ledger.domain import codes, quantities
from ledger.domain.facts import Moved
from ledger.domain.movements import Reference
from ledger.domain.stock import is_available, is_virtual, split_key
from ledger.events.codec import command_type
from ledger.events.trails import trail_document


class _Position(Struct, gc=False):
    partition: int
    offset: int


class _Virtual(Struct, gc=False):
    account: str
    quantity: str


class _Real(Struct, gc=False):
    location: str
    lot: str | None
    status: str
    quantity: str
    on_hand: str
    available: str


class _Stock(Struct, gc=False):
    sku: str
    location: str
    lot: str | None
    status: str
    on_hand: str
    reserved: str
    available: str


class _Movement(Struct, gc=False):
    """The order of fields is the order on the wire."""

    id: str
    type: str
    sku: str
    quantity: str
    entries: tuple[_Virtual | _Real, _Virtual | _Real]
    value: str
    cost_basis: str
    occurred_at: str
    recorded_at: str
    late: bool
    actor: str | None
    credential: str | None
    origin: str | None
    request_id: str | None
    reference: Reference | UnsetType
    reason: str | UnsetType
    note: str | UnsetType
    unit_cost: str | UnsetType
    disposition: str | UnsetType
    original_id: str | UnsetType
    supply_order: str | UnsetType
    reverses: str | UnsetType
    position: _Position


class _Written(Struct, gc=False):
    movement: _Movement
    stock: list[_Stock]


def written(fact: Moved, partition: int) -> bytes:
    """The JSON of the movement with its position, and of the stock that it touched."""
    command, scale = fact.command, fact.scale
    trail = trail_document(fact.trail)
    quantity = quantities.text(fact.quantity, scale)
    stock: list[_Stock] = []
    # The only one of these that may be given and empty.
    disposition = getattr(command, "disposition", None)
    movement = _Movement(
        fact.id,
        command_type(command),
        fact.sku,
        # As asked for, which is negative for some adjustments; a reversal asks for none.
        str(getattr(command, "quantity", quantity)),
        (
            _entry(fact.sku, fact.source, f"-{quantity}", fact.source_after, scale, stock),
            _entry(fact.sku, fact.target, quantity, fact.target_after, scale, stock),
        ),
        quantities.cost_text(fact.value),
        fact.cost_basis,
        codes.instant_text(fact.occurred_us),
        codes.instant_text(fact.recorded_ms * 1000),
        fact.late,
        fact.actor,
        trail["credential"],
        trail["origin"],
        trail["request_id"],
        command.reference or UNSET,
        # A type of movement has few of these, and one that it has may be left out.
        getattr(command, "reason", None) or UNSET,
        command.note or UNSET,
        getattr(command, "unit_cost", None) or UNSET,
        UNSET if disposition is None else disposition,
        getattr(command, "original_id", None) or UNSET,
        getattr(command, "supply_order", None) or UNSET,
        getattr(command, "reverses", UNSET),
        _Position(partition, fact.offset),
    )
    return encode(_Written(movement, stock))


def _entry(  # noqa: PLR0913, PLR0917 - called twice for every movement
    sku: str, account: str, quantity: str, after: int, scale: int, stock: list[_Stock]
) -> _Virtual | _Real:
    """One side of the movement; a real account's balance goes into `stock` too."""
    if is_virtual(account):
        return _Virtual(account, quantity)
    location, lot, status, free = _place(account)
    on_hand = quantities.text(after, scale)
    available = on_hand if free else "0"
    stock.append(_Stock(sku, location, lot, status, on_hand, "0", available))
    return _Real(location, lot, status, quantity, on_hand, available)


@lru_cache(maxsize=16_384)
def _place(account: str) -> tuple[str, str | None, str, bool]:
    return *split_key(account), is_available(account)
