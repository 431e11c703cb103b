"""Between which two accounts a command moves goods, from the rules and not from their code.

An account is written as events are decoded: a virtual one by its name, a stock key as the location
alone, or as location, lot and status with a unit separator between them.
"""

from collections.abc import Callable
from typing import Any, Final

from ledger.domain import movements

SEPARATOR: Final = "\x1f"
_DISPOSED: Final = {"quarantine": "quarantined", "refurbish": "on_hold"}


def stock_key(location: str, lot: str | None, status: str | None) -> str:
    """The account of goods at a place."""
    if lot is None and (status is None or status == "available"):
        return location
    return f"{location}{SEPARATOR}{lot or ''}{SEPARATOR}{status or 'available'}"


def place_of(account: str) -> tuple[str, str, str]:
    """Location, lot and status as the view of stock has them; a virtual account has no status."""
    if account[0] == "@":
        return account, "", ""
    location, separator, rest = account.partition(SEPARATOR)
    if not separator:
        return location, "", "available"
    lot, _, status = rest.partition(SEPARATOR)
    return location, lot, status


def named(account: str) -> str:
    """An account for people."""
    location, lot, status = place_of(account)
    return (
        f"{location}{f' lot {lot}' if lot else ''}"
        f"{f' {status}' if status not in ('', 'available') else ''}"
    )


def _receipt(command: Any) -> tuple[str, str]:
    return "@supplier", stock_key(command.location, command.lot, command.status)


def _transfer(command: Any) -> tuple[str, str]:
    lot, status = command.lot, command.status
    return (
        stock_key(command.from_location, lot, status),
        stock_key(command.to_location, lot, status),
    )


def _pick(command: Any) -> tuple[str, str]:
    here = stock_key(command.location, command.lot, None)
    if command.to_location is None:
        return here, "@customer"
    return here, stock_key(command.to_location, command.lot, None)


def _issue(command: Any) -> tuple[str, str]:
    return stock_key(command.location, command.lot, None), "@customer"


def _customer_return(command: Any) -> tuple[str, str]:
    if command.disposition == "scrap":
        return "@customer", "@scrap"
    status = _DISPOSED.get(command.disposition or "restock")
    return "@customer", stock_key(command.location, command.lot, status)


def _supplier_return(command: Any) -> tuple[str, str]:
    return stock_key(command.location, command.lot, command.status), "@supplier"


def _adjustment(command: Any) -> tuple[str, str]:
    here = stock_key(command.location, command.lot, command.status)
    return (here, "@adjustment") if str(command.quantity)[:1] == "-" else ("@adjustment", here)


def _scrap(command: Any) -> tuple[str, str]:
    return stock_key(command.location, command.lot, command.status), "@scrap"


def _status_change(command: Any) -> tuple[str, str]:
    return (
        stock_key(command.location, command.lot, command.from_status),
        stock_key(command.location, command.lot, command.to_status),
    )


# What each type of movement but a reversal asks for: the account taken from, the one put into.
ASKED: Final[dict[type, Callable[[Any], tuple[str, str]]]] = {
    movements.Receipt: _receipt,
    movements.Transfer: _transfer,
    movements.Pick: _pick,
    movements.Issue: _issue,
    movements.CustomerReturn: _customer_return,
    movements.SupplierReturn: _supplier_return,
    movements.Adjustment: _adjustment,
    movements.Scrap: _scrap,
    movements.StatusChange: _status_change,
}
