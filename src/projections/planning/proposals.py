"""Proposals: what to order now, from the inventory position and the policy of each series.

| policy | orders when | how much |
|---|---|---|
| `s_q` | position <= s | as many Q as lift the position above s |
| `s_S` | position <= s | up to S = s + Q |
| `min_max` | position <= min | up to max; s and s + Q where they are not set, or max <= min |
| `periodic` | at each review | up to S, which covers lead time and review period |
| `base_stock` | position < S | up to S, one for one with demand |
| `none` | never | |

(Silver, Pyke and Thomas 2017, section 6.3.) The position is what is available and what is on order:
what is damaged, expired or recalled serves no demand, and what is quarantined none before it is
released. What is needed is brought up to the minimum order and to whole packs. A perishable item is
then cut down, in whole packs, to what is expected to be asked for before it expires; if less is
left than the supplier accepts, nothing is ordered. What is ordered now arrives after the lead time,
and is sold once all of the position is: in time, if both together last no longer than lead time and
shelf life. What is still on order does not age in stock.
"""

from dataclasses import dataclass

import numpy as np

from projections.planning.formulas import Formula
from projections.planning.lead_demand import SILVER
from projections.planning.numbers import Codes, Flags, Floats, Integers, round_down
from projections.planning.order_quantities import Terms

POLICIES = ("none", "s_q", "s_S", "min_max", "periodic", "base_stock")
NONE, S_Q, S_UP_TO, MIN_MAX, PERIODIC, BASE_STOCK = range(len(POLICIES))
REASONS = (
    "no_policy",
    "above_reorder_point",
    "not_reviewed_today",
    "at_order_up_to_level",
    "ordered",
    "shelf_life_too_short",
)
NO_POLICY, ABOVE, NOT_REVIEWED, FULL, ORDERED, SHELF_LIFE = range(len(REASONS))
NOT_SET = -1  # a minimum, maximum or shelf life that nobody gave

FORMULAS = (
    Formula("policy", "", "policy", ""),
    Formula("reorder_point", "s", "orders at or below it", "smallest unit", source=SILVER),
    Formula(
        "up_to",
        "S",
        "orders up to it",
        "smallest unit",
        "s_S: S = s + Q; min_max: S = the maximum, or s + Q if that is not above s",
        SILVER,
    ),
    Formula("lot", "Q", "order quantity", "smallest unit"),
    Formula(
        "position",
        "IP",
        "inventory position",
        "smallest unit",
        "IP = available + on_order",
    ),
    Formula(
        "needed",
        "",
        "what the policy asks for",
        "smallest unit",
        "s_q: Q (⌊(s - IP) / Q⌋ + 1) if IP <= s; s_S, min_max: S - IP if IP <= s; periodic, "
        "base_stock: S - IP",
        f"{SILVER} section 6.3",
    ),
    Formula("packed", "", "in whole packs, at least the minimum order", "smallest unit"),
    Formula(
        "limit",
        "",
        "highest position that is used up before what is ordered now expires; -1: none",
        "smallest unit",
        "⌊d f (lead time and shelf life in days)⌋",
    ),
    Formula(
        "quantity",
        "",
        "proposal",
        "smallest unit",
        "packed, or the whole packs in limit - IP if that is less; 0 if they are less than the "
        "minimum order",
    ),
    Formula("reason", "", "why", ""),
)


@dataclass(frozen=True, slots=True)
class Control:
    """The policy of each series with its levels, `NOT_SET` where the policy has none."""

    policy: Codes
    reorder_point: Integers
    up_to: Integers
    lot: Integers


@dataclass(frozen=True, slots=True)
class Proposals:
    """What to order of each series, and why; see `FORMULAS`."""

    policy: Codes
    reorder_point: Integers
    up_to: Integers
    lot: Integers
    position: Integers
    needed: Integers
    packed: Integers
    limit: Integers
    quantity: Integers
    reason: Codes


def control(
    policy: Codes,
    reorder_point: Integers,
    lot: Integers,
    minimum: Integers,
    maximum: Integers,
) -> Control:
    """The levels of each series, from its reorder point and order quantity.

    `reorder_point` covers the review period too, so it is the order-up-to level of `periodic` and
    `base_stock`. `minimum` and `maximum` are those that were set for `min_max`, or `NOT_SET`.
    """
    at_min_max = policy == MIN_MAX
    point = np.where(at_min_max & (minimum != NOT_SET), minimum, reorder_point)
    # A maximum that the computed reorder point has reached would never be ordered up to.
    up_to = np.where(at_min_max & (maximum > point), maximum, point + lot)
    up_to = np.select(
        [(policy == S_UP_TO) | at_min_max, (policy == PERIODIC) | (policy == BASE_STOCK)],
        [up_to, reorder_point],
        NOT_SET,
    )
    return Control(policy, np.where(policy == NONE, NOT_SET, point), up_to, lot)


def shelf_life_limits(a_day: Floats, lead_days: Floats, shelf_life_days: Integers) -> Integers:
    """The highest position that is used up in time; `a_day` is demand a day of the calendar.

    `lead_days` is the mean lead time; it counts, since what is ordered now is no older when it
    arrives. `shelf_life_days` is `NOT_SET` for what keeps.
    """
    perishable = shelf_life_days != NOT_SET
    days = np.where(perishable, lead_days + shelf_life_days, 0)
    return np.where(perishable, round_down(a_day * days, "shelf_life"), NOT_SET)


def reviewed_on(day: int, review_days: Floats) -> Flags:
    """Which series are looked at on a day: those of which a review period ends with it.

    Periods are counted from 1970-01-01, so that all series with the same period come together and
    can be ordered together.
    """
    periods = np.maximum(review_days, 1.0)
    return np.asarray(np.floor(day / periods) > np.floor((day - 1) / periods))


def propose(
    levels: Control, position: Integers, terms: Terms, limit: Integers, reviewed: Flags
) -> Proposals:
    """What to order of each series now.

    `reviewed` tells which `periodic` series are looked at today, `limit` comes from
    `shelf_life_limits`.
    """
    needed = _needed(levels, position, reviewed)
    packed = terms.up(needed)
    room = np.maximum(limit - position, 0) // terms.pack * terms.pack
    too_much = (limit != NOT_SET) & (packed > room)
    quantity = np.where(too_much, np.where(room >= terms.minimum, room, 0), packed)
    return Proposals(
        policy=levels.policy,
        reorder_point=levels.reorder_point,
        up_to=levels.up_to,
        lot=levels.lot,
        position=position,
        needed=needed,
        packed=packed,
        limit=limit,
        quantity=quantity,
        reason=_reasons(levels, needed, quantity, reviewed),
    )


def _needed(levels: Control, position: Integers, reviewed: Flags) -> Integers:
    policy = levels.policy
    low = position <= levels.reorder_point
    lot = np.maximum(levels.lot, 1)
    lots = ((levels.reorder_point - position) // lot + 1) * levels.lot
    missing = np.maximum(levels.up_to - position, 0)
    conditions = [
        (policy == S_Q) & low,
        np.isin(policy, (S_UP_TO, MIN_MAX)) & low,
        ((policy == PERIODIC) & reviewed) | (policy == BASE_STOCK),
    ]
    return np.select(conditions, [lots, missing, missing], 0)


def _reasons(levels: Control, needed: Integers, quantity: Integers, reviewed: Flags) -> Codes:
    policy = levels.policy
    conditions = [
        policy == NONE,
        (needed > 0) & (quantity == 0),
        needed > 0,
        (policy == PERIODIC) & ~reviewed,
        (policy == PERIODIC) | (policy == BASE_STOCK),
    ]
    reasons = [NO_POLICY, SHELF_LIFE, ORDERED, NOT_REVIEWED, FULL]
    return np.select(conditions, reasons, ABOVE).astype(np.int8)
