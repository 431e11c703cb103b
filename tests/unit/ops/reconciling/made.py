"""Small stocks and statements for the tests of reconciliation."""

from ops.reconciling.compare import Row, Stated, Tolerance, compare, total
from ops.reconciling.keys import Key, Level, Leveller, StockKey
from ops.reconciling.proposals import (
    Adjustment,
    Attempts,
    Holding,
    Policy,
    Unproposed,
    held_by_key,
    propose,
)

FINEST = Level(0, lot=True, status=True)
Stock = dict[StockKey, int]


def at(sku: str, location: str = "", lot: str = "", status: str = "") -> StockKey:
    """A stock key; what a statement does not have is empty."""
    return StockKey(sku, location, lot, status)


def lines(*said: tuple[StockKey, str]) -> list[Stated]:
    """Lines of a statement, from line 2 on."""
    return [Stated(number, one, text) for number, (one, text) in enumerate(said, start=2)]


def scale_of(sku: str) -> int:
    """Of SKUs that end in a digit, so many decimals; else none."""
    return int(sku[-1]) if sku[-1].isdigit() else 0


class Side:
    """A statement beside a stock, at a level."""

    def __init__(self, stated: list[Stated], stock: Stock, level: Level = FINEST) -> None:
        """The stock is the same then and now."""
        leveller = Leveller(level, {one.at.location for one in stated})
        self.totals = total(stated, leveller, scale_of)
        self.held = held_by_key({one: Holding(had, had) for one, had in stock.items()}, leveller)

    def rows(self, tolerance: int = 0, *, complete: bool = True) -> list[Row]:
        """The comparison."""
        on_hand = {key: sum(one.then for one in held.values()) for key, held in self.held.items()}
        covers = Tolerance(tolerance)
        return compare(self.totals, on_hand, scale_of, covers, complete=complete)

    def propose(
        self, row: Row, policy: Policy, attempts: dict[StockKey, Attempts] | None = None
    ) -> list[Adjustment] | Unproposed:
        """What is proposed for a row."""
        return propose(row, self.held.get(row.key, {}), attempts or {}, policy)


def key(sku: str, location: str | None = None, lot: str | None = None) -> Key:
    """A key without a status."""
    return Key(sku, location, lot, None)
