"""Ageing: how long ago what lies in stock came in, first in, first out.

If what came first left first, then what lies there now are the newest inflows. So of the stock at
the end of a day `T`, the inflows of the days after `T - a - 1`, as far as there is that much stock,
are at most `a` days old.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from projections.planning.days import Days, Integers
from projections.planning.health.exact import Exact, divided
from projections.planning.health.lookups import Lookups
from projections.planning.health.parameters import Buckets

# What came into stock, and what went out of it. Goods from another site are young at the new one;
# of all sites together nothing was moved.
CAME = ("received", "found", "moved_in")
WENT = ("issued", "supplier_returned", "scrapped", "lost", "moved_out")


def aged(
    lookups: Lookups, cut: Buckets, limits: Sequence[int], amounts: Mapping[str, Exact]
) -> dict[str, Exact]:
    """Stock by age, in quantity and value: `aged_0` up to the first limit, … the last one beyond.

    Stock that no inflow explains (goods produced, say) is the oldest. Value is shared out in
    proportion to quantity, so that the buckets add up to it.
    """
    running = lookups.sums_of(inflows(lookups.days))
    end = running[:, np.searchsorted(lookups.points, cut.last)]
    on_hand = np.maximum(amounts["on_hand"], 0)
    younger, younger_value = np.zeros_like(on_hand), np.zeros_like(amounts["value"])
    found: dict[str, Exact] = {}
    for number, limit in enumerate((*limits, None)):
        if limit is None:
            upto = on_hand
        else:
            before = running[:, np.searchsorted(lookups.points, cut.last - limit - 1)]
            upto = np.minimum(end - before, on_hand)
        value = divided(amounts["value"], np.maximum(on_hand, 1), upto)
        found[f"aged_{number}"] = upto - younger
        found[f"aged_value_{number}"] = value - younger_value
        younger, younger_value = upto, value
    return found


def inflows(days: Days) -> Integers:
    """What came into stock, row by row.

    Of what customers returned, some was scrapped at once and never was in stock; so no more of it
    counts than the day's change of on hand leaves room for.
    """
    columns = days.columns
    came = sum(columns[name] for name in CAME)
    went = sum(columns[name] for name in WENT)
    to_stock = columns["on_hand_net"] - came + went
    returned = np.clip(to_stock, 0, np.maximum(columns["returned"], 0))
    at_site = np.array([site != "" for site in days.sites], bool)
    moved = np.where(np.repeat(at_site, np.diff(days.starts)), columns["moved_in"], 0)
    made: Integers = returned + sum(
        np.maximum(one, 0) for one in (columns["received"], columns["found"], moved)
    )
    return made
