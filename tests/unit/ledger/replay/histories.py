"""A history of one partition with a bit of everything, and tools to spoil it."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from ledger.domain import codes
from ledger.domain.stock import PartitionState
from ledger.log import Record
from ledger.replay.folding import StateFold, fold
from ledger.replay.walk import Walk
from tests import builders as make
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.simulation.clock import run as run_virtually
from tests.unit.ledger.writer.harness import picture

__all__ = ["picture"]

DAY_MS = 86_400_000
Result = TypeVar("Result")


def at(days: float) -> str:
    """An instant so many days after the ledger was opened."""
    return codes.instant_text(START_MS * 1000 + int(days * DAY_MS) * 1000)


def told() -> Teller:
    """Items, movements of many kinds, some of them late, supply orders, a refusal, void records."""
    teller = Teller(MemoryLog(1))
    teller.claim()
    teller.define("apple", "i1", name="Apple", scale=2, unit="kg", unit_cost="2")
    teller.tell(receipt("m1", "apple", "10.5", unit_cost="2.55"))
    teller.void()
    teller.tell(make.transfer("4", id="m2", sku="apple", from_location="MAIN/A/01"))
    teller.tell(make.pick("2.25", id="m3", sku="apple", location="MAIN/B"))
    teller.foreign()
    teller.tell(receipt("m4", "pear", "3", lot="L1", location="SHOP"))
    teller.tell(make.status_change("1", id="m5", sku="pear", location="SHOP", lot="L1"))
    teller.supply(
        make.place("20", id="s1", sku="apple", location="MAIN", order="PO-1", expected_at=at(9))
    )
    teller.now_ms += 2 * DAY_MS
    teller.tell(receipt("m6", "apple", "5", supply_order="s1"))
    teller.supply(make.change("s1", id="c1", sku="apple", quantity="18"))
    teller.tell(make.reversal("m3", id="m7", sku="apple"))
    teller.refuse(make.pick("500", id="r1", sku="apple"))
    # Recorded on the third day, and had happened on the first.
    teller.tell(make.pick("3", id="m8", sku="apple", location="MAIN/A/01", occurred_at=at(0.5)))
    teller.supply(make.place("7", id="s2", sku="plum", location="SHOP/1", expected_at=at(5)))
    teller.now_ms += DAY_MS
    teller.supply(make.close("s1", "under_delivered", id="c2", sku="apple"))
    teller.tell(make.issue("1", id="m9", sku="pear", location="SHOP", lot="L1"))
    return teller


def ended(teller: Teller) -> PartitionState:
    """The state that the teller decided on, at the end of its log."""
    teller.state.offset = teller.end
    return teller.state


def walked(records: list[Record], **options: Any) -> Walk:
    """A walk over all of them."""
    walk = Walk(0, **options)
    for _ in walk.facts(records):
        pass
    return walk


def folded(log: Any, walk: Walk | None = None, until: int | None = None) -> PartitionState:
    """The state of partition 0, replayed."""
    walk, states = walk or Walk(0), StateFold()

    async def all_of_it() -> None:
        await fold(log, walk, states, until=await log.end(0) if until is None else until)

    run(all_of_it())
    states.reach(walk.position)
    return states.state


def run(work: Awaitable[Result]) -> Result:
    """In a loop in which nobody waits in vain."""

    async def awaited() -> Result:
        return await work

    return run_virtually(awaited())
