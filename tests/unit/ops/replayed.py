"""A ledger on a real log, told by the writer itself, to be replayed."""

import itertools
from contextlib import AsyncExitStack
from typing import Any, Final

from ledger.config import Settings, open_log, open_snapshots
from ledger.domain import codes
from ledger.service import Ledger
from ledger.writer.recovery import recover
from tests.contract.read_models.cases import START_MS
from tests.unit.ledger.writer.harness import picture
from tests.unit.ops.story import COMMANDS, Document, command_of
from tests.unit.ops.test_check_history_supply import ORDERS

PARTITIONS: Final = 3
# The ledger's clock goes on by so much with each look at it.
STEP_MS: Final = 60_000


def at(minutes: float) -> str:
    """An instant of the story."""
    return codes.instant_text(START_MS * 1000 + int(minutes * 60_000_000))


LATE: tuple[Document, ...] = (
    {"id": "b1", "sku": "bolt", "type": "receipt", "quantity": "40", "location": "SHOP/1",
     "unit_cost": "0.5"},
    {"id": "b2", "sku": "bolt", "type": "transfer", "quantity": "10", "from_location": "SHOP/1",
     "to_location": "SHOP/1/2"},
    {"id": "b3", "sku": "bolt", "type": "transfer", "quantity": "7", "from_location": "SHOP/1",
     "to_location": "SHOP/10"},
    {"id": "b4", "sku": "bolt", "type": "pick", "quantity": "3", "location": "SHOP/1",
     "occurred_at": at(1)},
    {"id": "b5", "sku": "bolt", "quantity": "9", "supplier": "ACME", "location": "SHOP/1/2",
     "expected_at": "2027-01-01T00:00:00Z"},
)  # fmt: skip


def commands() -> list[Document]:
    """The stories of other tests, each in SKUs of its own, and movements that are told late."""
    orders = [
        {**one, "id": f"s-{one['id']}", "sku": "orange"}
        | {name: f"s-{one[name]}" for name in ("supply_order", "reverses") if name in one}
        for one in ORDERS
    ]
    return [*COMMANDS, *orders, *LATE]


async def tell(settings: Settings) -> list[dict[str, Any]]:
    """Tell the story to a ledger in this process; the answer is the state of each partition."""
    clock = itertools.count(START_MS, STEP_MS)
    async with AsyncExitStack() as stack:
        log, store = open_log(settings), open_snapshots(settings)
        for one in (log, store):
            await one.open()
            stack.push_async_callback(one.close)
        ledger = Ledger(
            log,
            store,
            None,
            instance="one",
            new_ledger_id=lambda: "here",
            snapshot_every_records=8,
            clock_ms=lambda: next(clock),
        )
        stack.push_async_callback(ledger.close)
        await ledger.start()
        for asked in commands():
            await ledger.submit(command_of(asked), actor=None, timeout_seconds=30.0)
        return [picture(ledger.writers[one].state) for one in range(log.partitions)]


async def recovered(settings: Settings) -> list[tuple[int, dict[str, Any]]]:
    """What a writer finds that starts from snapshots: their offsets, and the states."""
    found = []
    async with AsyncExitStack() as stack:
        log, store = open_log(settings), open_snapshots(settings)
        for one in (log, store):
            await one.open()
            stack.push_async_callback(one.close)
        for partition in range(log.partitions):
            state = await recover(partition, log, store, window_ids=1_000)
            found.append((state.snapshot_offset, picture(state.state)))
    return found
