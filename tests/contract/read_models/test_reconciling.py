"""What a reconciliation reads from the views, on both databases."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ledger.domain.movements import Adjustment, Pick, StatusChange
from ops.reconciling.compare import Stated, Tolerance, Unreadable
from ops.reconciling.keys import Level, StockKey
from ops.reconciling.proposals import Policy, adjustment_id, movement
from ops.reconciling.reconcile import IN_DOUBT, Order, Outcome, reconcile
from ops.reconciling.statement import Statement, Terms
from projections.database import Database
from tests.contract.read_models.cases import MemoryLog, Teller, receipt
from tests.contract.read_models.projecting import project

STATEMENT = "s" * 24
FINEST = Level(0, lot=True, status=True)
HERE = StockKey("A", "DC1/A", "", "available")


def order(said: Mapping[StockKey, str], level: Level = FINEST, **values: Any) -> Order:
    """A statement that says so, at a level."""
    terms = values.pop("terms", Terms())
    lines = [Stated(number, at, text) for number, (at, text) in enumerate(said.items(), start=2)]
    policy = Policy(STATEMENT, level.is_finest, terms.spread)
    statement = Statement(lines, count=len(lines))
    return Order(statement, terms, level, policy, Tolerance(), 0, **values)


async def compared(database: Database, wanted: Order) -> Outcome:
    """The outcome."""
    async with database.reader() as reader:
        return await reconcile(reader, wanted)


async def test_stock_now(database: Database) -> None:
    """Everything real, in the decimals of its item; at the position that the views have read."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.define("K", "k", scale=3)
    teller.tell(receipt("r1", "A", location="DC1/A", quantity="10"))
    teller.tell(receipt("r2", "B", location="DC2/A", quantity="4", lot="L"))
    teller.tell(StatusChange(id="c1", sku="A", quantity="3", location="DC1/A",
                             from_status="available", to_status="damaged"))  # fmt: skip
    await project(log, database)
    said = {HERE: "7", StockKey("A", "DC1/A", "", "damaged"): "2",
            StockKey("K", "DC1/A", "", "available"): "0.125"}  # fmt: skip
    outcome = await compared(database, order(said))
    assert {(row.key.sku, row.key.status): (row.kind, row.difference, row.scale)
            for row in outcome.rows} == {
        ("A", "available"): ("matched", 0, 0), ("A", "damaged"): ("differing", -1, 0),
        ("B", "available"): ("missing_in_statement", -4, 0),
        ("K", "available"): ("missing_in_ledger", 125, 3),
    }  # fmt: skip
    assert outcome.moment.until == {0: len(log.records[0])}
    assert outcome.witness is not None
    assert (outcome.witness.id, outcome.witness.sku) == ("c1", "A")
    assert [one.quantity for some in outcome.adjustments.values() for one in some] == [-1, -4, 125]


async def test_what_the_statement_speaks_of(database: Database) -> None:
    """Only its places, statuses and, if it is not complete, SKUs."""
    log = MemoryLog(1)
    teller = Teller(log)
    for number, place in enumerate(("DC1", "DC1/A", "DC10/A", "DC2"), start=1):
        teller.tell(receipt(f"r{number}", "A", location=place, quantity=str(number)))
        teller.tell(receipt(f"s{number}", "B", location=place, quantity="1", status="on_hold"))
    await project(log, database)
    said = {StockKey("A", "", "", ""): "3"}
    here = order(said, Level(), terms=Terms(within=["DC1"], complete=False))
    assert [row.kind for row in (await compared(database, here)).rows] == ["matched"]
    status = order(said, Level(), terms=Terms(within=["DC1"], statuses=["available"]))
    assert [row.kind for row in (await compared(database, status)).rows] == ["matched"]
    every = order(said, Level(), terms=Terms(within=["DC1"]))
    assert [row.on_hand for row in (await compared(database, every)).rows] == [3, 2]


async def test_what_the_statement_did_before(database: Database) -> None:
    """A refused adjustment is tried under the next id, an accepted one never again."""
    log = MemoryLog(1)
    teller = Teller(log)
    teller.tell(receipt("r1", "A", location="DC1/A", quantity="10"))
    first = adjustment_id(STATEMENT, HERE, 0)
    await project(log, database)
    wanted = order({HERE: "8"})
    outcome = await compared(database, wanted)
    ((proposed,),) = outcome.adjustments.values()
    assert (proposed.id, proposed.quantity, proposed.now) == (first, -2, 10)
    teller.tell(Pick(id="p1", sku="A", quantity="1", location="DC1/A"))
    # The stock moved after it was read, so that the condition does not hold.
    told = movement(proposed, wanted.policy)
    conditional = Adjustment(
        sku="A", quantity="-2", id=first, location="DC1/A", reason="lost",
        expected_on_hand=str(told["expected_on_hand"]),
    )  # fmt: skip
    teller.refuse(conditional)
    await project(log, database)
    wanted = order({HERE: "7"})
    ((again,),) = (await compared(database, wanted)).adjustments.values()
    assert (again.id, again.now) == (adjustment_id(STATEMENT, HERE, 1), 9)
    teller.tell(Adjustment(sku="A", quantity="-2", id=again.id, location="DC1/A", reason="lost"))
    await project(log, database)
    assert (await compared(database, wanted)).is_good
    teller.tell(Pick(id="p2", sku="A", quantity="1", location="DC1/A"))
    await project(log, database)
    outcome = await compared(database, wanted)
    assert not outcome.adjustments
    assert [one.why for one in outcome.unproposed] == [
        f"this statement has adjusted it already, as {again.id}"
    ]


async def test_lines_in_doubt(database: Database) -> None:
    """While a line's key is not known nothing is proposed, for the line may be of any key."""
    log = MemoryLog(1)
    Teller(log).tell(receipt("r1", "A", location="DC1/A", quantity="10"))
    await project(log, database)
    wanted = order({HERE: "8"})
    broken = Statement(wanted.statement.lines, count=2)
    broken.unreadable = [Unreadable(3, "5 values for 6 columns")]
    outcome = await compared(database, msgspec.structs.replace(wanted, statement=broken))
    assert not outcome.adjustments
    assert [one.why for one in outcome.unproposed] == [IN_DOUBT]
    assert not outcome.is_good
