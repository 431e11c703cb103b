"""What goods cost, from the rules and not from their code: the value that a movement takes along.

Stock is valued by its moving average; the last unit out takes what is left. Quantities are scaled
by the SKU's scale, values are millionths of the currency.
"""

from typing import TYPE_CHECKING

from ledger.domain.facts import Moved
from ledger.domain.movements import Receipt
from ops.check_history.amounts import micro
from ops.verify.past import Earlier

if TYPE_CHECKING:
    from ops.verify.stock import Stock


def share(value: int, part: int, whole: int) -> int:
    """`value` · `part` / `whole`, rounded to the nearest, from the middle to the even one."""
    if whole <= 0:
        # A broken log can say so; what it gives as the value is then found to be wrong.
        return 0
    low, rest = divmod(value * part, whole)
    rest *= 2
    return low + 1 if rest > whole or (rest == whole and low & 1) else low


def value_out(stock: "Stock", fact: Moved, original: Earlier | None) -> tuple[int, str]:
    """Value and basis of what leaves a place; `original` is what a reversal undoes."""
    quantity, out = fact.quantity, fact.target[0] == "@"
    if quantity >= stock.total:
        value = stock.value
    elif original is not None and out:
        value = min(share(original.value, quantity, original.quantity), stock.value)
    else:
        value = share(stock.value, quantity, stock.total)
    if original is None:
        return value, "average"
    # In older logs every reversal says `original`, whatever made its value.
    its = (out and value == original.value) or fact.cost_basis == "original"
    return value, "original" if its else "average"


def value_in(stock: "Stock", fact: Moved, original: Earlier | None) -> tuple[int, str]:
    """Value and basis of what comes from a virtual account."""
    command, quantity = fact.command, fact.quantity
    if type(command) is Receipt:
        if command.unit_cost is not None:
            return share(micro(command.unit_cost), quantity, 10**fact.scale), "given"
    elif original is not None:
        return share(original.value, quantity, original.quantity), "original"
    elif stock.total > 0:
        return share(stock.value, quantity, stock.total), "average"
    standard = None if stock.item is None else stock.item.unit_cost
    if standard is None:
        return 0, "none"
    return share(micro(standard), quantity, 10**fact.scale), "standard"
