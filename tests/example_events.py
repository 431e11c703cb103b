"""The example events of the documents: one partition from its opening on."""

from functools import cache
from typing import Any

import msgspec

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide, evolve
from ledger.domain.facts import (
    FORMAT_LEVEL,
    Fact,
    LevelRaised,
    Moved,
    Opened,
    Resolved,
    WriterClaimed,
)
from ledger.domain.items import DefineItem, Item
from ledger.domain.movements import WireCommand
from ledger.domain.rejections import Rejected
from ledger.domain.stock import PartitionState
from ledger.domain.supply import ChangeSupplyOrder, CloseSupplyOrder, PlaceSupplyOrder
from ledger.events.chain import GENESIS, link
from ledger.events.codec import encode, event_type
from ledger.events.envelope import LEVEL_SUPPORTED
from ledger.events.partitioner import Partitioner
from ledger.events.trails import Trail, encode_trail
from ledger.log import Record
from ledger.writer.refusals import refusal

SKU = "85123A"
LEDGER_ID = "019aa9a5-30c0-7b0e-9d3c-5d1f0c6b8a42"
RECORDED_MS = 1_795_341_601_250
TRAIL = encode_trail(
    Trail("recordMovements@wms-1-3fa2b1", "4bf92f3577b34da6a3ce929d0e0e4736", "5f2b9c01")
)
WIRE = b"""[
{"id":"po-7-1","type":"receipt","sku":"85123A","quantity":"6","location":"MAIN/A/01",
 "unit_cost":"2.55","reference":{"type":"order","id":"PO-7"},"occurred_at":"2026-11-22T10:00:00Z",
 "supply_order":"po-7"},
{"id":"tr-1","type":"transfer","sku":"85123A","quantity":4,"from_location":"MAIN/A/01",
 "to_location":"MAIN/B/02"},
{"id":"so-12-1","type":"pick","sku":"85123A","quantity":"2","location":"MAIN/B/02",
 "to_location":"MAIN/OUT"},
{"id":"so-13-1","type":"pick","sku":"85123A","quantity":"9","location":"MAIN/B/02"},
{"id":"so-12-2","type":"issue","sku":"85123A","quantity":"2","location":"MAIN/OUT"},
{"id":"rma-4-1","type":"customer_return","sku":"85123A","quantity":"1","location":"MAIN/R",
 "disposition":"quarantine","original_id":"so-12-2"},
{"id":"sr-2-1","type":"supplier_return","sku":"85123A","quantity":"1","location":"MAIN/R",
 "status":"quarantined"},
{"id":"audit-3","type":"adjustment","sku":"85123A","quantity":"-1","location":"MAIN/B/02",
 "reason":"lost"},
{"id":"qc-9","type":"status_change","sku":"85123A","quantity":"1","location":"MAIN/A/01",
 "from_status":"available","to_status":"damaged"},
{"id":"scrap-5","type":"scrap","sku":"85123A","quantity":"1","location":"MAIN/A/01",
 "status":"damaged","reason":"damaged"},
{"id":"audit-3-undo","type":"reversal","sku":"85123A","reverses":"audit-3","note":"found again"}
]"""


@cache
def examples() -> dict[str, Record]:
    """One partition from its opening on, with every type of event once."""
    partition, state, head = Partitioner(12).partition_of(SKU), PartitionState(), GENESIS
    moved: dict[str, Moved] = {}
    item = Item(name="White hanging heart T-light holder", unit_cost="2.55")
    commands: list[Any] = [
        Opened(0, LEDGER_ID, partition, 12, "murmur2", "EUR", FORMAT_LEVEL, RECORDED_MS),
        WriterClaimed(1, "wms-1", "http://wms-1:8000", RECORDED_MS),
        DefineItem("item-85123A-1", SKU, item),
        PlaceSupplyOrder(
            id="po-7", sku=SKU, quantity="12", supplier="ACME", location="MAIN", order="PO-7",
            expected_at="2026-12-06T12:00:00Z",
        ),
        *msgspec.json.decode(WIRE, type=list[WireCommand]),
        ChangeSupplyOrder(
            id="po-7-late", sku=SKU, supply_order="po-7", expected_at="2026-12-13T12:00:00Z"
        ),
        CloseSupplyOrder(
            id="po-7-short", sku=SKU, supply_order="po-7", reason="under_delivered"
        ),
        LevelRaised(17, LEVEL_SUPPORTED + 1, RECORDED_MS, "k3v9x1m2q8"),
    ]  # fmt: skip
    examples: dict[str, Record] = {}
    for command in commands:
        fact = _fact(state, command, moved)
        evolve(state, fact)
        if isinstance(fact, Moved):
            moved[fact.id] = fact
        key, value = encode(fact, f"/stockledger/{LEDGER_ID}", head)
        head = link(partition, fact.offset, key, value)
        record = Record(fact.offset, fact.offset, key, value, RECORDED_MS)
        assert examples.setdefault(event_type(fact), record) is record
    return examples


def _fact(state: PartitionState, command: Any, moved: dict[str, Moved]) -> Fact:
    if isinstance(command, Opened | WriterClaimed | LevelRaised):
        return command
    context = Context(Rules(), RECORDED_MS, "k3v9x1m2q8", trail=TRAIL)
    named = getattr(command, "reverses", None) or getattr(command, "original_id", None)
    if named is not None:
        command = Resolved(command, moved[named])
    decision = decide(state, command, context)
    if isinstance(decision, Rejected):
        return refusal(state.offset, command, decision, context)
    return decision
