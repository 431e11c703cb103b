"""Items: what a SKU is, how it is measured, and the command and fact that define it."""

from typing import Literal

import msgspec

from ledger.domain import codes, quantities
from ledger.domain.rejections import Rejected, malformed

InventoryType = Literal["raw", "wip", "finished", "mro", "trading"]
UNIT_DEFAULT = "each"
SHELF_LIFE_DAYS_MAX = 36_500
LEAD_TIME_DAYS_MAX = 3_650
SUPPLIERS_MAX = 100


class Supplier(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Who delivers the item, in how many days as agreed, in multiples of what and from how much on.

    `pack_size` and `minimum_order` are decimal strings in the item's unit.
    """

    code: str
    lead_time_days: int | None = None
    pack_size: str | None = None
    minimum_order: str | None = None


class Item(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The description of a SKU. `scale` is the number of decimals of its quantities, 0 to 6.

    `unit_cost` is the standard cost of one unit of measure and `price` what it sells for, both
    decimal strings.
    """

    name: str | None = None
    unit: str = UNIT_DEFAULT
    scale: int = 0
    inventory_type: InventoryType = "trading"
    lot_tracked: bool = False
    serial_tracked: bool = False
    shelf_life_days: int | None = None
    unit_cost: str | None = None
    gtin: str | None = None
    suppliers: tuple[Supplier, ...] = ()
    price: str | None = None

    @property
    def has_supply_terms(self) -> bool:
        """Whether it says what only a log of the level of supply orders may hold."""
        return self.price is not None or any(
            supplier.pack_size is not None or supplier.minimum_order is not None
            for supplier in self.suppliers
        )


ITEM_DEFAULT = Item()


class DefineItem(msgspec.Struct, frozen=True, gc=False):
    """The command behind PUT /v1/items: describe a SKU, or describe it anew."""

    id: str
    sku: str
    item: Item


class ItemDefined(msgspec.Struct, gc=False):
    """The fact that a SKU is described so from `offset` on."""

    offset: int
    id: str
    sku: str
    item: Item
    recorded_ms: int
    actor: str | None = None
    trail: bytes | None = None


def check_item(item: Item) -> Rejected | None:  # noqa: C901, PLR0911 - one guard per field
    """Whether a description is well formed, without any state."""
    if not 0 <= item.scale <= quantities.SCALE_MAX:
        return malformed("invalid_item", f"scale is 0 to {quantities.SCALE_MAX}")
    if not _short(item.unit) or (item.name is not None and not _short(item.name)):
        return malformed("invalid_item", "name and unit are short printable texts")
    if item.serial_tracked:
        return malformed("invalid_item", "serial numbers are not supported yet")
    if item.shelf_life_days is not None and not 0 < item.shelf_life_days <= SHELF_LIFE_DAYS_MAX:
        return malformed("invalid_item", f"shelf_life_days is 1 to {SHELF_LIFE_DAYS_MAX}")
    if item.unit_cost is not None and isinstance(quantities.cost(item.unit_cost), Rejected):
        return malformed("invalid_item", 'unit_cost is a decimal string such as "2.55"')
    if item.price is not None and isinstance(quantities.cost(item.price), Rejected):
        return malformed("invalid_item", 'price is a decimal string such as "4.95"')
    if item.gtin is not None and not _gtin(item.gtin):
        return malformed("invalid_item", "gtin has 8, 12, 13 or 14 digits and a right check digit")
    if len(item.suppliers) > SUPPLIERS_MAX:
        return malformed("invalid_item", f"an item has at most {SUPPLIERS_MAX} suppliers")
    for supplier in item.suppliers:
        if (wrong := _check_supplier(supplier, item.scale)) is not None:
            return wrong
    return None


def _check_supplier(supplier: Supplier, scale: int) -> Rejected | None:
    if codes.check_sku(supplier.code) is not None:
        return malformed("invalid_item", "a supplier's code is a short printable text")
    days = supplier.lead_time_days
    if days is not None and not 0 <= days <= LEAD_TIME_DAYS_MAX:
        return malformed("invalid_item", f"lead_time_days is 0 to {LEAD_TIME_DAYS_MAX}")
    for name in ("pack_size", "minimum_order"):
        number = getattr(supplier, name)
        amount = 1 if number is None else quantities.scaled(number, scale)
        if type(amount) is Rejected:
            return malformed("invalid_item", f"{name}: {amount.detail}")
        if amount <= 0:
            return malformed("invalid_item", f"{name} is greater than zero")
    return None


def _short(text: str) -> bool:
    return 0 < len(text) <= codes.TEXT_LENGTH_MAX and codes.printable(text)


def _gtin(text: str) -> bool:
    """The modulo-10 check digit of the GS1 General Specifications, section 7.9.1."""
    if len(text) not in (8, 12, 13, 14) or not (text.isascii() and text.isdigit()):
        return False
    weighted = sum(
        int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(text[-2::-1])
    )
    return (10 - weighted % 10) % 10 == int(text[-1])


def canonical_item(item: Item) -> Item:
    """The same description with its numbers in the shortest form; they are well formed."""
    suppliers = tuple(
        msgspec.structs.replace(
            one, pack_size=_shortest(one.pack_size), minimum_order=_shortest(one.minimum_order)
        )
        for one in item.suppliers
    )
    return msgspec.structs.replace(
        item,
        unit_cost=_shortest(item.unit_cost),
        price=_shortest(item.price),
        suppliers=suppliers,
    )


def normalise_item(command: DefineItem) -> DefineItem:
    """The same command with its numbers in the shortest form; what is malformed stays as it is."""
    return DefineItem(command.id, command.sku, canonical_item(command.item))


def _shortest(number: str | None) -> str | None:
    return None if number is None else str(quantities.canonical(number))
