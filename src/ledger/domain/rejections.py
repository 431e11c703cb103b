"""Refusals: values with a stable code. Codes are wire format, never renamed, never reused.

Precedence, highest first; inside a group in the order given. The first that applies is the answer:

1. An id that was used before: the first answer again, or `idempotency_key_reused` for other
   content. Then `level_too_low`: the log was not raised to the level of what is asked for. Neither
   leaves a record.
2. `invalid_sku`, `invalid_id`, `invalid_reason` or (disposition) `invalid_request`,
   `invalid_location`, `invalid_lot`, `invalid_status`, (nothing would move) `invalid_request`,
   `invalid_quantity` (form), `invalid_time`, `invalid_cost`, (supply_order) `invalid_id`,
   (expected_on_hand) `invalid_quantity`, and `invalid_request` where no stock key is touched,
   `invalid_reference`, (note) `invalid_request`, (original_id) `invalid_id`, `invalid_item`: need
   no state, leave no record.
   Of a supply order the note comes before what follows the ids.
3. `unknown_movement`, `not_reversible`, `already_reversed`, `item_in_use`, `unknown_item` (strict
   items only), `invalid_quantity` (more comes back than is left of the original; more decimals than
   the item's scale, or beyond 10^18 at that scale), `supply_order_not_open`, `invalid_time` (a
   supply order expected before it was placed), `too_many_supply_orders`, `invalid_lot` (the item is
   tracked by lot and none is named).
4. `version_conflict`.
5. `insufficient_stock`.
6. `quantity_overflow`: a balance or value would leave the exact range.

Groups 3 to 6 depend on state; each such refusal is itself a record in the log.
"""

from typing import Literal, final

import msgspec

Code = Literal[
    "invalid_request",
    "invalid_id",
    "invalid_sku",
    "invalid_location",
    "invalid_lot",
    "invalid_status",
    "invalid_quantity",
    "invalid_cost",
    "invalid_reason",
    "invalid_time",
    "invalid_reference",
    "invalid_item",
    "idempotency_key_reused",
    "unknown_item",
    "unknown_movement",
    "not_reversible",
    "already_reversed",
    "item_in_use",
    "version_conflict",
    "insufficient_stock",
    "quantity_overflow",
    "supply_order_not_open",
    "too_many_supply_orders",
    "level_too_low",
]


# Final, so that `type(x) is Rejected` tells the type checker both branches.
@final
class Rejected(msgspec.Struct, frozen=True, gc=False):
    """Why a command is refused.

    `needs_state` tells whether the answer depends on the log's content (then it becomes a record).
    `numbers` holds the figures behind the answer as exact decimal strings, for example
    `requested`, `available` and `shortfall` of an `insufficient_stock`.
    """

    code: Code
    detail: str
    needs_state: bool = False
    numbers: dict[str, str] = {}


def malformed(code: Code, detail: str) -> Rejected:
    """A refusal that no state could change; it leaves no record."""
    return Rejected(code, detail)


def refused(code: Code, detail: str, **numbers: str) -> Rejected:
    """A refusal that depends on state; it becomes a record of the log."""
    return Rejected(code, detail, needs_state=True, numbers=numbers)
