"""What goods cost: the value that a movement takes along, in millionths of the currency.

Stock is valued by its moving average. The last unit out takes what is left of the value.
"""

from ops.check_history.accounts import Account, Document
from ops.check_history.amounts import MICRO_DIGITS, micro
from ops.check_history.stock import Known, Stock

_UNIT = 10**MICRO_DIGITS


def value_moved(
    stock: Stock,
    command: Document,
    accounts: tuple[Account, Account],
    quantity: int,
    original: Known | None,
) -> int:
    """The value of a movement that meets this stock.

    `original` is the movement that a reversal or a linked return names.
    """
    if not isinstance(accounts[0], str):
        return _value_out(stock, accounts[1], quantity, original)
    cost = command.get("unit_cost")
    if cost is not None:
        return _share(micro(cost), quantity, _UNIT)
    if original is not None:
        return _share(original.value, quantity, original.quantity)
    if command["type"] != "receipt" and stock.total > 0:
        return _share(stock.value, quantity, stock.total)
    standard = (stock.item or {}).get("unit_cost")
    return _share(micro(standard or 0), quantity, _UNIT)


def _value_out(stock: Stock, target: Account, quantity: int, original: Known | None) -> int:
    if quantity >= stock.total:
        return stock.value
    if original is not None and isinstance(target, str):
        return min(_share(original.value, quantity, original.quantity), stock.value)
    return _share(stock.value, quantity, stock.total)


def value_change(accounts: tuple[Account, Account], value: int) -> int:
    """What the value of a SKU's stock changes by: goods take it along when they enter or leave."""
    from_stock, into_stock = (not isinstance(account, str) for account in accounts)
    return value * (into_stock - from_stock)


def _share(value: int, part: int, whole: int) -> int:
    """`value` · `part` / `whole`, rounded to the nearest, from the middle to the even one."""
    if whole == 0:
        # A broken log can say so; what it gives as the value is then found to be wrong.
        return 0
    low, rest = divmod(value * part, whole)
    if 2 * rest == whole:
        return low + low % 2
    return low + (2 * rest > whole)
