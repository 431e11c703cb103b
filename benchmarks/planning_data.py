"""Demand as a retailer's looks: many SKUs, of which most sell on few days. The same for a seed.

Only integers and products of random doubles decide, so that every machine makes the same.
"""

from typing import Final

import numpy as np

from projections.planning.calendar import Flags
from projections.planning.columns import COLUMNS
from projections.planning.days import Days, Integers

# 2025-01-01, a day before which nothing was there.
FIRST_DAY: Final = 20_089
# The share of the days on which a SKU sells is a random number to this power: the median SKU sells
# on a few days of a year, one in a hundred on most of them.
SPARSITY: Final = 14
COLUMNS_DEFAULT: Final = ("issued", "issue_lines", "issued_value", "unmet", "available_net")


def generate(
    skus: int = 1_000_000,
    days: int = 365,
    seed: int = 1,
    columns: tuple[str, ...] = COLUMNS_DEFAULT,
) -> Days:
    """Days of `skus` SKUs at one site, all of the same scale, about 23 rows each in a year.

    On the first day half to all of what a SKU will sell comes in, and the rest on some later
    day: one SKU in twenty has sold out by then, and some of its demand is unmet.
    """
    chance = np.random.default_rng(seed)
    sku, day, arrived = _sales_and_arrivals(chance, skus, days)
    amounts = dict.fromkeys(COLUMNS, np.zeros(len(sku), np.int64))
    starts = np.searchsorted(sku, np.arange(skus + 1)).astype(np.int64)
    sold = day > 0
    quantity = np.where(sold, 1 + chance.geometric(0.4, len(sku)), 0)
    unit_value = (1 + chance.integers(1, 2_000, skus) ** 2) * 10_000
    total = np.add.reduceat(quantity, starts[:-1])
    early = (total * chance.integers(60, 160, skus) // 100)[sku]
    late = np.maximum(total[sku] - early, 0) + 1
    received = np.where(day == 0, early, np.where(arrived, late, 0))
    net = received - quantity
    balance = np.cumsum(net)
    balance -= np.repeat(np.concatenate(([0], balance[starts[1:-1] - 1])), np.diff(starts))
    unmet = np.where(sold & (balance <= 0) & (chance.random(len(sku)) < 0.3), quantity, 0)
    amounts |= {
        "issued": quantity,
        "issue_lines": np.where(sold, 1 + (quantity > 3), 0),
        "issued_value": quantity * unit_value[sku],
        "unmet": unmet,
        "unmet_lines": np.sign(unmet),
        "received": received,
        "received_value": received * unit_value[sku],
        "on_hand_net": net,
        "available_net": net,
        "value_net": net * unit_value[sku],
    }
    return Days(
        [f"SKU-{number:07d}" for number in range(skus)],
        ["MAIN"] * skus,
        np.zeros(skus, np.int8),
        starts,
        (day + FIRST_DAY).astype(np.int32),
        {name: amounts[name].astype(np.int64) for name in columns},
    )


def _sales_and_arrivals(
    chance: np.random.Generator, skus: int, days: int
) -> tuple[Integers, Integers, Flags]:
    """SKU and day of each row, in order, and whether goods arrive; day 0 is the first delivery."""
    share = chance.random(skus)
    power = share.copy()
    for _ in range(SPARSITY - 1):
        power *= share
    count = 1 + (days * power).astype(np.int64) + chance.integers(0, 4, skus)
    of_sale = np.repeat(np.arange(skus), count)
    sale = of_sale * days + chance.integers(1, days, len(of_sale))
    arrival = np.arange(skus) * days + chance.integers(1, days, skus)
    keys = np.unique(np.concatenate((np.arange(skus) * days, sale, arrival)))
    sku, day = np.divmod(keys, days)
    arrived = np.zeros(len(keys), np.bool_)
    arrived[np.searchsorted(keys, arrival)] = True
    return sku, day, arrived
