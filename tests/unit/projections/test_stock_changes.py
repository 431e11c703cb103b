"""Stock changes are summed by flow; what comes out is what each movement alone adds up to."""

import random

from ledger.domain.facts import Moved
from ledger.domain.movements import Transfer
from ledger.domain.stock import AVAILABLE
from projections.tables import OVERFLOW_UNIT
from projections.views.stock import StockChanges, place

ACCOUNTS = ("@supplier", "@customer", "@scrap", "MAIN/A", "MAIN/B", "MAIN/A\x1fL1\x1fdamaged")


def _moved(offset: int, sku: str, way: tuple[str, str], quantity: int, value: int) -> Moved:
    command = Transfer(sku=sku, quantity="1", from_location="MAIN/A", to_location="MAIN/B")
    source, target = way
    return Moved(
        offset, command, f"m{offset}", sku, quantity, 2, source, target, 0, 0, value, "none", 0, 0
    )


def test_sums_equal_those_of_single_movements() -> None:
    chance = random.Random(5)
    changes = StockChanges()
    accounts: dict[tuple[str, str], tuple[int, int]] = {}
    totals: dict[str, list[int]] = {}
    for offset in range(500):
        sku = f"S{chance.randrange(4)}"
        source, target = chance.sample(ACCOUNTS, 2)
        quantity, value = chance.randrange(1, 50), chance.randrange(1000)
        changes.add(_moved(offset, sku, (source, target), quantity, value))
        total = totals.setdefault(sku, [0, 0, 0, 0])
        total[3] = offset
        for account, difference in ((source, -quantity), (target, quantity)):
            before, _ = accounts.get((sku, account), (0, 0))
            accounts[sku, account] = before + difference, offset
            if account[0] != "@":
                total[0] += difference
                total[1] += difference if place(account)[2] != AVAILABLE else 0
                total[2] += value if difference > 0 else -value
    stock_rows, totals_rows = changes.rows(3)
    assert sorted(stock_rows) == sorted(
        (sku, *place(account), 2, difference, 0, 3, offset)
        for (sku, account), (difference, offset) in accounts.items()
    )
    assert sorted(totals_rows) == sorted(
        (sku, 2, on_hand, unavailable, value, 3, offset)
        for sku, (on_hand, unavailable, value, offset) in totals.items()
    )


def test_a_virtual_account_beyond_64_bits_overflows_into_its_counter() -> None:
    changes = StockChanges()
    for offset in range(9):
        changes.add(_moved(offset, "A", ("@supplier", f"BIN/{offset}"), 10**18, 0))
    supplier = next(row for row in changes.rows(0)[0] if row[1] == "@supplier")
    assert supplier[5:7] == (-(10**18), -2)
    assert 2 * OVERFLOW_UNIT + 10**18 == 9 * 10**18
