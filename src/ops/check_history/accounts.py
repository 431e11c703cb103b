"""Between which two accounts a command moves goods, read from the rules and not from their code."""

from typing import Any, Final

# A virtual account by its name, a real one by location, lot and status.
Key = tuple[str, str | None, str]
Account = str | Key
Document = dict[str, Any]

_OUT: Final = {
    "issue": "@customer", "supplier_return": "@supplier", "scrap": "@scrap", "pick": "@customer",
}  # fmt: skip
_IN: Final = {"receipt": "@supplier", "adjustment": "@adjustment", "customer_return": "@customer"}
_DISPOSED: Final = {"quarantine": "quarantined", "refurbish": "on_hold"}


def account_of(entry: Document) -> Account:
    """The account of an entry of a movement."""
    name = entry.get("account")
    if name is not None:
        return str(name)
    return entry["location"], entry.get("lot"), entry["status"]


def asked_accounts(command: Document) -> tuple[Account, Account]:
    """The account a command takes from and the one it puts into. Reversals have none of their own.

    Raises KeyError for a type that is not known.
    """
    kind = command["type"]
    lot, status = command.get("lot"), command.get("status") or "available"
    if kind == "transfer":
        return (command["from_location"], lot, status), (command["to_location"], lot, status)
    place: str = command["location"]
    here: Key = (place, lot, status)
    if kind == "status_change":
        return (place, lot, command["from_status"]), (place, lot, command["to_status"])
    if kind == "pick" and command.get("to_location") is not None:
        return here, (command["to_location"], lot, status)
    if kind in _OUT:
        return here, _OUT[kind]
    if kind == "adjustment" and str(command["quantity"]).startswith("-"):
        return here, _IN[kind]
    return _IN[kind], _returned(command, here) if kind == "customer_return" else here


def _returned(command: Document, here: Key) -> Account:
    """Where goods come to that come back: the disposition decides their status."""
    disposition = command.get("disposition")
    if disposition == "scrap":
        return "@scrap"
    return here[0], here[1], _DISPOSED.get(disposition or "", here[2])


def guarded_key(source: Account, target: Account) -> Account:
    """The account that `expected_on_hand` speaks of."""
    return target if isinstance(source, str) else source


def named(account: Account) -> str:
    """An account for people."""
    if isinstance(account, str):
        return account
    location, lot, status = account
    return (
        f"{location}{f' lot {lot}' if lot else ''}{f' {status}' if status != 'available' else ''}"
    )
