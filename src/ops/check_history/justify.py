"""Whether a refusal because of the state was right about the state it met."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from ops.check_history.accounts import Account, Document, asked_accounts
from ops.check_history.amounts import MICRO_DIGITS, SCALED_MAX, micro, shown
from ops.check_history.fold import PartitionFold
from ops.check_history.stock import Known, Stock
from ops.check_history.values import value_moved


class CannotJudge(Exception):
    """Too little is known about the call to say whether its refusal was right."""


class Refusal(NamedTuple):
    """A refusal: of which SKU, the command if a client recorded it, and what was answered."""

    sku: str
    code: str
    command: Document | None
    numbers: dict[str, str]
    # What the record says was asked for; None where only an answer is known.
    record: Document | None = None


class _Case(NamedTuple):
    fold: PartitionFold
    stock: Stock
    refusal: Refusal


def why_wrong(fold: PartitionFold, refusal: Refusal) -> str | None:
    """What speaks against the refusal in the state of the fold; None if it was right.

    Raises CannotJudge.
    """
    judge = _JUDGES.get(refusal.code)
    if judge is None:
        return f"{refusal.code} is no reason that depends on the state"
    try:
        return judge(_Case(fold, fold.of(refusal.sku), refusal))
    except (KeyError, ValueError, ArithmeticError) as error:
        # The command or the figures are not what such a refusal has.
        raise CannotJudge from error


def _command(refusal: Refusal) -> Document:
    if refusal.command is None:
        raise CannotJudge
    return refusal.command


def _accounts(fold: PartitionFold, command: Document) -> tuple[Account, Account, int]:
    """From where to where, and how much."""
    if command["type"] == "reversal":
        original = fold.ids.get(command["reverses"])
        if original is None or original.kind != "movement":
            raise CannotJudge
        return original.target, original.source, original.quantity
    return (*asked_accounts(command), abs(micro(command["quantity"])))


def _insufficient(case: _Case) -> str | None:
    said = case.refusal.numbers
    if case.refusal.command is None:
        return _insufficient_somewhere(case.stock, case.refusal)
    source, _, quantity = _accounts(case.fold, case.refusal.command)
    have = case.stock.holds(source)
    if isinstance(source, str) or have >= quantity:
        return f"{shown(have)} is there, {shown(quantity)} was asked for"
    true = (quantity, have, quantity - have)
    if said and tuple(micro(said[name]) for name in _FIGURES) != true:
        return f"it says {said['available']} is there, and {shown(have)} is"
    return None


_FIGURES: Final = ("requested", "available", "shortfall")


def _insufficient_somewhere(stock: Stock, refusal: Refusal) -> str | None:
    """The record names the place, not lot and status: one of the keys there must fit."""
    if refusal.record is None or not refusal.numbers:
        raise CannotJudge
    wanted, have, short = (micro(refusal.numbers[name]) for name in _FIGURES)
    if have >= wanted or short != wanted - have:
        return "the figures contradict each other"
    place = refusal.record.get("location")
    held = [amount for key, amount in stock.real.items() if key[0] == place]
    if place is not None and have not in (*held, 0):
        return f"{shown(have)} lies nowhere in {place}"
    return None


def _conflict(case: _Case) -> str | None:
    said = case.refusal.numbers
    if said and micro(said["expected"]) == micro(said["on_hand"]):
        return "what was expected is there"
    if case.refusal.command is None:
        return None
    source, target, _ = _accounts(case.fold, case.refusal.command)
    if str(case.refusal.command["quantity"]).startswith("-"):
        source, target = asked_accounts(case.refusal.command)
    have = case.stock.expected(source, target)
    if have == micro(case.refusal.command["expected_on_hand"]):
        return f"{shown(have)} is there, as expected"
    if said and micro(said["on_hand"]) != have:
        return f"it says {said['on_hand']} is there, and {shown(have)} is"
    return None


def _original(fold: PartitionFold, refusal: Refusal) -> Known | None:
    command = _command(refusal)
    found = fold.ids.get(command.get("reverses") or command.get("original_id") or "")
    if found is None or found.kind != "movement" or found.sku != refusal.sku:
        return None
    return found


def _unknown_movement(case: _Case) -> str | None:
    found = _original(case.fold, case.refusal)
    return None if found is None else f"the movement lies at {found.offset}"


def _not_reversible(case: _Case) -> str | None:
    found = _original(case.fold, case.refusal)
    if found is None:
        return "there is no such movement"
    if found.is_reversal or found.offset in case.fold.back:
        return None
    returned = _command(case.refusal)["type"] == "customer_return" and found.target != "@customer"
    return None if returned else f"the movement at {found.offset} can be undone"


def _already_reversed(case: _Case) -> str | None:
    found = _original(case.fold, case.refusal)
    if found is not None and found.offset in case.fold.undone:
        return None
    return "the movement was not reversed"


def _item_in_use(case: _Case) -> str | None:
    if case.refusal.command is None:
        used = case.stock.moved or case.stock.real or case.stock.open_lines
        return None if used else "the SKU never moved"
    item = case.refusal.command.get("item", case.refusal.command)
    fixed = case.stock.moved or bool(case.stock.open_lines)
    other_scale = fixed and item.get("scale", 0) != case.stock.scale
    without_lot = item.get("lot_tracked") and any(key[1] is None for key in case.stock.real)
    return None if other_scale or without_lot else "nothing stands against the description"


def _unknown_item(case: _Case) -> str | None:
    return None if case.stock.item is None else "the SKU is described"


def _invalid_lot(case: _Case) -> str | None:
    tracked = case.stock.item is not None and bool(case.stock.item.get("lot_tracked"))
    named = case.refusal.command is not None and case.refusal.command.get("lot") is not None
    return None if tracked and not named else "no lot was needed, or one was named"


def _invalid_quantity(case: _Case) -> str | None:
    asked = (case.refusal.command or case.refusal.record or {}).get("quantity")
    if asked is None:
        raise CannotJudge
    quantity = Decimal(asked)
    if "left" in case.refusal.numbers:
        return _too_much_back(case.fold, quantity, case.refusal)
    scaled = quantity.scaleb(case.stock.scale)
    if scaled != int(scaled) or abs(scaled) > SCALED_MAX:
        return None
    return f"{asked} fits the scale {case.stock.scale}"


def _too_much_back(fold: PartitionFold, quantity: Decimal, refusal: Refusal) -> str | None:
    found = _original(fold, refusal)
    if found is None:
        return "there is no such movement"
    left = found.quantity - fold.back.get(found.offset, 0)
    if micro(refusal.numbers["left"]) != left:
        return f"it says {refusal.numbers['left']} is left, and {shown(left)} is"
    return None if quantity.scaleb(MICRO_DIGITS) > left else "as much may come back"


def _not_open(case: _Case) -> str | None:
    name = _command(case.refusal)["supply_order"]
    return f"{name} is open" if name in case.stock.open_lines else None


def _too_many_orders(case: _Case) -> str | None:
    said, have = case.refusal.numbers.get("open"), len(case.stock.open_lines)
    return None if said is not None and int(said) == have else f"{have} lines are open"


def _invalid_time(case: _Case) -> str | None:
    """Of a change: before the line was placed, or far behind it."""
    days = (_instant(case.refusal, "expected_at") - _placed_at(case.refusal)).days
    return None if not 0 <= days < _EXPECTED_DAYS_MAX else "it is expected after it was placed"


_EXPECTED_DAYS_MAX: Final = 3_650


def _instant(refusal: Refusal, name: str) -> datetime:
    return datetime.fromisoformat(_command(refusal)[name])


def _placed_at(refusal: Refusal) -> datetime:
    return datetime.fromisoformat(refusal.numbers["placed_at"])


def _orders_overflow(case: _Case, command: Document) -> str | None:
    """The open lines in all, or what came of one of them."""
    lines = case.stock.open_lines
    most = SCALED_MAX * 10 ** (MICRO_DIGITS - case.stock.scale)
    name, quantity = command.get("supply_order"), micro(command["quantity"])
    if "type" in command:
        line = lines.get(name or "")
        return None if line is not None and line.received + quantity > most else "it fits"
    others = sum(line.ordered for other, line in lines.items() if other != name)
    return None if others + quantity > most else "the open lines fit"


def _overflow(case: _Case) -> str | None:
    stock, command = case.stock, _command(case.refusal)
    if "type" not in command:
        return _orders_overflow(case, command)
    if "supply_order" in command and _orders_overflow(case, command) is None:
        return None
    source, target, quantity = _accounts(case.fold, command)
    name = command.get("reverses") or command.get("original_id") or ""
    value = value_moved(stock, command, (source, target), quantity, case.fold.ids.get(name))
    most = SCALED_MAX * 10 ** (MICRO_DIGITS - stock.scale)
    if value > SCALED_MAX:
        return None
    enters = not isinstance(target, str)
    if enters and (stock.total + quantity > most or stock.value + value > SCALED_MAX):
        return None
    return f"{shown(stock.total + quantity)} of value {shown(stock.value + value)} can be held"


_JUDGES: Final[dict[str, Callable[[_Case], str | None]]] = {
    "insufficient_stock": _insufficient,
    "version_conflict": _conflict,
    "unknown_movement": _unknown_movement,
    "not_reversible": _not_reversible,
    "already_reversed": _already_reversed,
    "item_in_use": _item_in_use,
    "unknown_item": _unknown_item,
    "invalid_lot": _invalid_lot,
    "invalid_quantity": _invalid_quantity,
    "quantity_overflow": _overflow,
    "supply_order_not_open": _not_open,
    "too_many_supply_orders": _too_many_orders,
    "invalid_time": _invalid_time,
}
# Those of them that only the state can bring about, whoever answers.
STATE_CODES: Final = frozenset(_JUDGES) - {"invalid_lot", "invalid_quantity", "invalid_time"}
