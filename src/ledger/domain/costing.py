"""Moving-average cost in recorded order, exact in integers; the last unit out takes the remainder.

The average is never stored: (quantity, value) are, so that no rounding is carried along.
"""

from ledger.domain import quantities
from ledger.domain.quantities import divide_half_even
from ledger.domain.stock import SkuState


def value_at(unit_cost: int, quantity: int, scale: int) -> int:
    """What `quantity` costs at `unit_cost`, in millionths, rounded half to even."""
    if scale == 0:
        return unit_cost * quantity
    return divide_half_even(unit_cost * quantity, 10**scale)


def value_out(sku: SkuState, quantity: int) -> int:
    """What `quantity` out of stock takes along: its share, or all that is left with the last."""
    if quantity >= sku.quantity:
        return sku.value
    whole = sku.quantity
    # divide_half_even, without the call: this is on the path of every issue.
    value, rest = divmod(sku.value * quantity, whole)
    rest *= 2
    return value + 1 if rest > whole or (rest == whole and value & 1) else value


def value_in(sku: SkuState, quantity: int, scale: int) -> tuple[int, str]:
    """Value and basis of goods that come in without a cost: average, standard cost, or none."""
    if sku.quantity > 0:
        return divide_half_even(sku.value * quantity, sku.quantity), "average"
    return standard_value(sku, quantity, scale)


def standard_value(sku: SkuState, quantity: int, scale: int) -> tuple[int, str]:
    """Value and basis by the item's standard cost; 0 and `none` where it has none."""
    standard = sku.unit_cost_standard
    if standard is None:
        return 0, "none"
    unit_cost = quantities.cost(standard)
    # The item was checked when it was defined.
    assert type(unit_cost) is tuple
    return value_at(unit_cost[0], quantity, scale), "standard"
