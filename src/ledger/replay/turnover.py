"""What came in and went out of each stock key in a range of the log, or of time."""

import msgspec

from ledger.domain.facts import Fact, Moved
from ledger.replay.occurred import crossing


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Behind where, and up to when, a movement is in the range; None: from the beginning.

    Each is exclusive below and inclusive above, so that ranges that follow each other add up.
    """

    after_offset: int | None = None
    after_recorded_ms: int | None = None
    after_occurred_us: int | None = None
    occurred_us_max: int | None = None

    def holds(self, fact: Moved) -> bool:
        """Whether the movement is in the range."""
        return (
            (self.after_offset is None or fact.offset > self.after_offset)
            and (self.after_recorded_ms is None or fact.recorded_ms > self.after_recorded_ms)
            and (self.after_occurred_us is None or fact.occurred_us > self.after_occurred_us)
            and (self.occurred_us_max is None or fact.occurred_us <= self.occurred_us_max)
        )


class SkuTurnover(msgspec.Struct, gc=False):
    """One SKU: of each stock key what came in and went out, scaled, and the values in millionths
    of what came into stock and left it."""

    came: dict[str, int]
    went: dict[str, int]
    value_in: int = 0
    value_out: int = 0


class Turnover:
    """Sums the movements of a range by SKU and stock key."""

    __slots__ = ("movements", "skus", "within")

    def __init__(self, within: Range) -> None:
        """Nothing has moved yet."""
        self.within = within
        self.skus: dict[str, SkuTurnover] = {}
        self.movements = 0

    def __call__(self, fact: Fact) -> None:
        """Take the next fact, if it is in the range."""
        if type(fact) is not Moved or not self.within.holds(fact):
            return
        self.movements += 1
        sku = self.skus.get(fact.sku)
        if sku is None:
            sku = self.skus[fact.sku] = SkuTurnover({}, {})
        for account, sums in ((fact.source, sku.went), (fact.target, sku.came)):
            if account[0] != "@":
                sums[account] = sums.get(account, 0) + fact.quantity
        entered, _, value = crossing(fact)
        if entered > 0:
            sku.value_in += value
        else:
            sku.value_out -= value
