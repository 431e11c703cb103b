"""Supply orders: the checker follows them by itself, in the log, the views and the snapshots."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ops.check_history.check import Stored, check_log
from ops.check_history.checks_state import Snapshot
from ops.check_history.history import History
from ops.check_history.snapshots import read_snapshot
from ops.check_history.views import read_views
from projections.database import Database
from projections.migrate import upgrade
from tests.contract.read_models.cases import MemoryLog
from tests.contract.read_models.projecting import project
from tests.simulation.clock import run
from tests.simulation.scenario import small
from tests.unit.ledger.writer.harness import World
from tests.unit.ops.story import Caller, Document, StoredLog, Story, encode, story

AT = {"location": "MAIN/A"}
DUE = {"supplier": "ACME", "location": "MAIN", "expected_at": "2026-12-01T01:00:00+01:00"}
ORDERS: tuple[Document, ...] = (
    {"id": "i1", "sku": "apple", "item": {"scale": 1, "price": "3"}},
    {"id": "o1", "sku": "apple", "quantity": "10.0", **DUE},
    {"id": "o2", "sku": "apple", "quantity": 5, **DUE, "order": "PO-7", "unit_cost": "2"},
    {"id": "m1", "sku": "apple", "type": "receipt", "quantity": "4", **AT, "supply_order": "o1"},
    {"id": "m2", "sku": "apple", "type": "receipt", "quantity": "7.5", **AT, "supply_order": "o1"},
    {"id": "c1", "sku": "apple", "supply_order": "o2", "quantity": "8"},
    {"id": "c2", "sku": "apple", "supply_order": "o2", "expected_at": "2027-01-01T00:00:00Z"},
    {"id": "v1", "sku": "apple", "type": "reversal", "reverses": "m1"},
    {"id": "x1", "sku": "apple", "supply_order": "o1", "reason": "under_delivered"},
    {"id": "v2", "sku": "apple", "type": "reversal", "reverses": "m2"},
    {"id": "r1", "sku": "apple", "supply_order": "o1", "quantity": "3"},
    {"id": "r2", "sku": "apple", "type": "receipt", "quantity": "1", **AT, "supply_order": "o1"},
    {"id": "r3", "sku": "apple", "supply_order": "nothing", "reason": "cancelled"},
    {"id": "r4", "sku": "apple", "quantity": str(10**17), **DUE},
    {"id": "r5", "sku": "apple", "supply_order": "o2", "expected_at": "2001-01-01T00:00:00Z"},
    {"id": "r6", "sku": "apple", "quantity": "0.25", **DUE},
    {"id": "r7", "sku": "apple", "item": {"scale": 2}},
    {"id": "o1", "sku": "apple", "quantity": "10", **DUE},
    {"id": "c1", "sku": "apple", "supply_order": "o2", "quantity": "9"},
)  # fmt: skip


def made() -> Story:
    """A good one."""
    return story(commands=ORDERS)


def test_a_good_history() -> None:
    """Nothing is wrong, and every refusal was judged."""
    result = made().check()
    assert (result.findings.kept, result.unjudged) == ([], 0)
    stock = result.folds[0].stock["apple"]
    assert stock.on_order == 8_000_000
    assert (stock.lines["o1"].received, stock.lines["o1"].open) == (0, False)


def _data(identity: str, **changes: Any) -> Callable[[Story], None]:
    return lambda one: one.event(identity)["data"].update(changes)


def _supply(identity: str, **changes: Any) -> Callable[[Story], None]:
    return lambda one: one.event(identity)["data"]["supply"].update(changes)


def _asked(identity: str, **changes: Any) -> Callable[[Story], None]:
    def spoil(one: Story) -> None:
        one.asked(identity, **changes)
        if "quantity" in changes:
            one.event(identity)["data"]["quantity"] = changes["quantity"]

    return spoil


def _closed_again(one: Story) -> None:
    event = one.append("x1", "x9")
    event["data"]["command"]["id"] = "x9"


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (_data("o1", quantity="11"), "wrong_supply"),
        (_data("o2", on_order="14"), "wrong_supply"),
        (_supply("m1", received="5"), "wrong_supply"),
        (_supply("m1", order_offset=99), "wrong_supply"),
        (_supply("m2", over="0"), "wrong_supply"),
        (_supply("m2", id="o2"), "wrong_supply"),
        (_data("m2", supply=None), "wrong_supply"),
        (_supply("v2", open=True), "wrong_supply"),
        (_data("x1", under="0"), "wrong_supply"),
        (_data("c1", received="1"), "wrong_supply"),
        (_closed_again, "wrong_supply"),
        (_asked("o1", expected_at="2026-12-02T00:00:00Z"), "wrong_content"),
        (_asked("x1", reason="received"), "wrong_content"),
        (_asked("r1", supply_order="o2"), "unjustified"),
        (_asked("r3", supply_order="o2"), "unjustified"),
        (_asked("r4", quantity="1"), "unjustified"),
        (_asked("r5", expected_at="2026-12-24T00:00:00Z"), "unjustified"),
        (_asked("r7", item={"scale": 1}), "unjustified"),
    ],
)
def test_what_is_wrong_is_found(spoil: Callable[[Story], None], code: str) -> None:
    """Each figure of each record, and each refusal."""
    spoilt = made()
    spoil(spoilt)
    assert code in spoilt.check().findings.counts


def test_a_refusal_for_too_many_orders_is_counted_after() -> None:
    """The number of open orders is the model's."""
    spoilt = made()
    spoilt.event("r3")["data"].update(code="too_many_supply_orders", numbers={"open": "500"})
    spoilt.call("r3").code, spoilt.call("r3").numbers = "too_many_supply_orders", {"open": "500"}
    assert set(spoilt.check().findings.counts) == {"unjustified"}


async def test_the_views_are_compared(tmp_path: Path) -> None:
    """Each line: what was ordered, what came, whether it is open."""
    told = made()
    url = f"sqlite+aiosqlite:///{tmp_path / 'views.db'}"
    await upgrade(url)
    database = Database(url)
    await database.open()
    log = MemoryLog(1)
    log.records[0] = told.records()
    await project(log, database)
    await database.close()
    (rows,) = await read_views(url)
    for change, codes in (
        ({}, set()),
        ({"lines": {}}, {"view_differs"}),
        ({"lines": {"apple": {**rows.lines["apple"], "o1": (1, 0, 0, True)}}}, {"view_differs"}),
    ):
        stored = Stored(views=[rows._replace(**change)])
        result = await check_log(StoredLog([told.records()]), History(told.calls), stored)
        assert set(result.findings.counts) == codes, change


def test_the_snapshot_is_compared() -> None:
    """What was open when each slice was taken."""

    async def make() -> tuple[World, Caller, Snapshot]:
        world, caller = World(), Caller()
        async with world.ledger(snapshot_every_records=8) as ledger:
            for asked in ORDERS:
                await caller.tell(ledger, asked)
        found = await read_snapshot(world.store, 0)
        assert isinstance(found, Snapshot)
        return world, caller, found

    with small():
        world, caller, snapshot = run(make())
    assert any(lines.get("apple") for lines in snapshot.lines.values())
    none: dict[int, Any] = {offset: {"apple": {}} for offset in snapshot.lines}
    for one, codes in ((snapshot, set()), (snapshot._replace(lines=none), {"snapshot_differs"})):
        log, history = StoredLog(world.broker.partitions), History(caller.operations)
        result = run(check_log(log, history, Stored(snapshots=[one])))
        assert set(result.findings.counts) == codes


def test_records_are_read_as_they_are() -> None:
    """The command in the record is what was sent, in its canonical form."""
    command = made().event("o1")["data"]["command"]
    assert msgspec.json.decode(encode(command)) == {
        "id": "o1", "sku": "apple", "quantity": "10", "supplier": "ACME", "location": "MAIN",
        "expected_at": "2026-12-01T00:00:00Z",
    }  # fmt: skip
