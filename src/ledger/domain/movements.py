"""Commands: what a caller asks for. One class a movement type; its name on the wire is the tag.

Each says between which two accounts the quantity goes (`accounts`). The classes are what the HTTP
body is decoded into, so that a command is built once.
"""

from typing import Annotated, ClassVar

import msgspec

from ledger.domain import codes
from ledger.domain.memo import Memo
from ledger.domain.quantities import Number, canonical
from ledger.domain.rejections import Rejected, malformed
from ledger.domain.stock import ADJUSTMENT, CUSTOMER, SCRAP, SUPPLIER, stock_key

# Far above every length that is good, so that its refusal can say which; and low enough that what
# is remembered of malformed names (the caches of this package) stays small.
Text = Annotated[str, msgspec.Meta(max_length=1_000)]
NumberText = Text | int | float

Accounts = tuple[str, str] | Rejected


class Reference(
    msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The caller's document behind a movement, such as a purchase order."""

    type: str
    id: str


class Movement(
    msgspec.Struct,
    kw_only=True,
    tag_field="type",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """What every movement has. `quantity` is a positive decimal string or an integer.

    `expected_on_hand` makes the command conditional: it is refused as `version_conflict` unless
    the stock key it takes from (or puts into, where it takes from a virtual account) holds exactly
    that much when it is decided.
    """

    signed: ClassVar[bool] = False

    sku: Text
    quantity: Number
    id: str | None = None
    lot: Text | None = None
    reference: Reference | None = None
    occurred_at: Text | None = None
    note: str | None = None
    expected_on_hand: Number | None = None

    def accounts(self) -> Accounts:
        """The account taken from and the one put into."""
        raise AssertionError("every movement type names its accounts")


class Receipt(Movement, tag="receipt", kw_only=True, gc=False):
    """Goods come from a supplier. Without `unit_cost` the item's standard cost is taken.

    `supply_order` is the id of the open line of a supply order that they were ordered with.
    """

    location: Text
    status: Text | None = None
    unit_cost: NumberText | None = None
    supply_order: Text | None = None

    def accounts(self) -> Accounts:
        """@supplier → location."""
        if self.lot is None and self.status is None:
            return _received[self.location]
        return _inward[SUPPLIER, self.location, self.lot, self.status]


class Transfer(Movement, tag="transfer", kw_only=True, gc=False):
    """Goods change their place: putaway, replenishment of a bin."""

    from_location: Text
    to_location: Text
    status: Text | None = None

    def accounts(self) -> Accounts:
        """location → location."""
        return _between[self.from_location, self.to_location, self.lot, self.status, self.status]


class Pick(Movement, tag="pick", kw_only=True, gc=False):
    """Goods are picked to a staging place, or straight to the customer."""

    location: Text
    to_location: Text | None = None

    def accounts(self) -> Accounts:
        """location → to_location or @customer."""
        if self.to_location is None:
            return _to_customer(self.location, self.lot)
        return _between[self.location, self.to_location, self.lot, None, None]


class Issue(Movement, tag="issue", kw_only=True, gc=False):
    """Goods leave to a customer."""

    location: Text

    def accounts(self) -> Accounts:
        """location → @customer."""
        return _to_customer(self.location, self.lot)


class CustomerReturn(Movement, tag="customer_return", kw_only=True, gc=False):
    """Goods come back. The disposition decides their status; `original_id` names the movement
    they left with, and then they come back at the cost they left with."""

    location: Text
    disposition: Text | None = None
    original_id: str | None = None

    def accounts(self) -> Accounts:
        """@customer → location, or → @scrap."""
        disposition = "restock" if self.disposition is None else self.disposition
        if disposition not in codes.DISPOSITIONS:
            return malformed(
                "invalid_request",
                f"a disposition is one of {', '.join(sorted(codes.DISPOSITIONS))}",
            )
        accounts = _inward[CUSTOMER, self.location, self.lot, _DISPOSITION_STATUS.get(disposition)]
        if disposition == "scrap" and type(accounts) is tuple:
            return CUSTOMER, SCRAP
        return accounts


class SupplierReturn(Movement, tag="supplier_return", kw_only=True, gc=False):
    """Goods go back to their supplier."""

    location: Text
    status: Text | None = None

    def accounts(self) -> Accounts:
        """location → @supplier."""
        return _outward[self.location, self.lot, self.status, SUPPLIER]


class Adjustment(Movement, tag="adjustment", kw_only=True, gc=False):
    """The books are set right: a signed quantity and the reason."""

    signed: ClassVar[bool] = True

    location: Text
    reason: str
    status: Text | None = None

    def accounts(self) -> Accounts:
        """@adjustment → location; the other way round for a negative quantity."""
        if self.reason not in codes.REASONS:
            return codes.wrong_reason()
        return _inward[ADJUSTMENT, self.location, self.lot, self.status]


class Scrap(Movement, tag="scrap", kw_only=True, gc=False):
    """Goods are destroyed, for a reason."""

    location: Text
    reason: str
    status: Text | None = None

    def accounts(self) -> Accounts:
        """location → @scrap."""
        if self.reason not in codes.REASONS:
            return codes.wrong_reason()
        return _outward[self.location, self.lot, self.status, SCRAP]


class StatusChange(Movement, tag="status_change", kw_only=True, gc=False):
    """Goods change their status where they are: quarantine, release, recall."""

    location: Text
    from_status: Text
    to_status: Text

    def accounts(self) -> Accounts:
        """status → status at the same place."""
        return _between[self.location, self.location, self.lot, self.from_status, self.to_status]


class Reversal(
    msgspec.Struct,
    kw_only=True,
    tag_field="type",
    tag="reversal",
    omit_defaults=True,
    forbid_unknown_fields=True,
    gc=False,
):
    """The opposite of one movement of the same SKU, named by its id; once only."""

    sku: Text
    reverses: str
    id: str | None = None
    reference: Reference | None = None
    occurred_at: Text | None = None
    note: str | None = None


MovementCommand = (
    Receipt
    | Transfer
    | Pick
    | Issue
    | CustomerReturn
    | SupplierReturn
    | Adjustment
    | Scrap
    | StatusChange
)
WireCommand = MovementCommand | Reversal

_DISPOSITION_STATUS = {"quarantine": "quarantined", "refurbish": "on_hold"}


# The same few thousand places come again and again, so that what they make is remembered.
def _from_virtual(asked: tuple[str, str, str | None, str | None]) -> Accounts:
    virtual, location, lot, status = asked
    key = stock_key(location, lot, status)
    return key if type(key) is Rejected else (virtual, key)


def _to_virtual(asked: tuple[str, str | None, str | None, str]) -> Accounts:
    location, lot, status, virtual = asked
    key = stock_key(location, lot, status)
    return key if type(key) is Rejected else (key, virtual)


def _between_two(asked: tuple[str, str, str | None, str | None, str | None]) -> Accounts:
    from_location, to_location, lot, from_status, to_status = asked
    source = stock_key(from_location, lot, from_status)
    if type(source) is Rejected:
        return source
    target = stock_key(to_location, lot, to_status)
    if type(target) is Rejected:
        return target
    if source == target:
        return malformed("invalid_request", "a movement goes between two different accounts")
    return source, target


# (virtual account, location, lot, status); (location, lot, status, virtual account); and
# (location, location, lot, status, status).
_inward = Memo(_from_virtual)
_outward = Memo(_to_virtual)
_between = Memo(_between_two)
# The same for nearly all there are, which name neither lot nor status: a text is found faster than
# a tuple is made.
_received = Memo[str, Accounts](lambda location: _inward[SUPPLIER, location, None, None])
_issued = Memo[str, Accounts](lambda location: _outward[location, None, None, CUSTOMER])


def _to_customer(location: str, lot: str | None) -> Accounts:
    return _issued[location] if lot is None else _outward[location, lot, None, CUSTOMER]


def normalise(command: MovementCommand | Reversal) -> None:
    """Write numbers and instants in their canonical form, in place; needs no state.

    Two commands that mean the same are equal afterwards, whatever their spelling: 6, "6" and
    "6.0", or an instant in two time zones. What is malformed stays as it is.
    """
    if command.occurred_at is not None:
        occurred_us = codes.instant(command.occurred_at)
        if type(occurred_us) is int:
            command.occurred_at = codes.instant_text(occurred_us)
    if isinstance(command, Reversal):
        return
    command.quantity = canonical(command.quantity)
    if command.expected_on_hand is not None:
        command.expected_on_hand = canonical(command.expected_on_hand)
    if isinstance(command, Receipt) and command.unit_cost is not None:
        command.unit_cost = canonical(command.unit_cost)
