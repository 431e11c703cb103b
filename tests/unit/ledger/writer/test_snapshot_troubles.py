"""What a snapshot may cost: nothing but itself, and no long look of the garbage collector."""

import asyncio
import gc
import logging
from collections.abc import Sized
from types import FunctionType, SimpleNamespace
from typing import Any, cast

import pytest

from api.gauges import LedgerCollector
from ledger.domain.stock import PartitionState, SkuState
from ledger.events.chain import Chain
from ledger.service import Ledger
from ledger.writer import snapshots
from ledger.writer.filters import OldIds
from ledger.writer.idempotency import Window
from ledger.writer.metrics import Metrics
from ledger.writer.names import SkuNames
from ledger.writer.partition import PartitionWriter
from tests.simulation.clock import run
from tests.simulation.faulty_log import Faults
from tests.unit.ledger.writer.harness import World, writer_of
from tests.unit.ledger.writer.snapshot_cases import small_slices, traffic

__all__ = ["small_slices"]
pytestmark = pytest.mark.usefixtures("small")


def test_a_store_that_fails_costs_the_snapshot_only() -> None:
    """The partition works on, and a later snapshot succeeds."""

    async def main() -> None:
        world = World()
        world.store.faults = Faults(store_down=1.0)
        async with world.ledger(snapshot_every_records=10) as ledger:
            await traffic(ledger, 1, 20)
            writer = writer_of(ledger)
            assert writer.failure is None
            assert writer._taker.failure is not None
            assert writer._taker.taken == 0
        assert world.store.manifests == {}

    run(main())


def test_whatever_a_store_raises_costs_the_snapshot_only() -> None:
    """A defect in a client of the store, or bytes of somebody else, stop no partition."""

    async def main() -> None:
        world = World()

        async def put(*_: Any) -> None:
            raise KeyError("a defect")

        world.store.put = put  # type: ignore[assignment,method-assign]
        async with world.ledger(snapshot_every_records=10) as ledger:
            await traffic(ledger, 1, 20)
            writer = writer_of(ledger)
            assert writer.failure is None
            assert writer.snapshot_failure == "KeyError: 'a defect'"

    run(main())


def _failing(writer: PartitionWriter) -> float:
    ledger = SimpleNamespace(metrics=Metrics(), writers=[writer], held={0})
    families = LedgerCollector(cast(Ledger, ledger)).collect()
    name = "stockledger_writer_snapshot_failing"
    (family,) = [family for family in families if family.name == name]
    return float(family.samples[0].value)


def test_a_store_that_fails_is_seen(caplog: pytest.LogCaptureFixture) -> None:
    """In the log once a change, in the metrics each time; and that it works again."""

    async def main() -> None:
        world = World()
        works = world.store.put

        async def put(*_: Any) -> None:
            raise KeyError("a defect")

        world.store.put = put  # type: ignore[assignment,method-assign]
        async with world.ledger(snapshot_every_records=10) as ledger:
            writer = writer_of(ledger)
            assert (writer.snapshot_failure, _failing(writer)) == (None, 0)
            await traffic(ledger, 1, 20)
            await asyncio.sleep(100.0)
            assert ledger.metrics.snapshots_failed == 4
            assert _failing(writer) == 1
            world.store.put = works  # type: ignore[method-assign]
            await asyncio.sleep(40.0)
            assert ledger.metrics.snapshots == 1
            assert (writer.snapshot_failure, _failing(writer)) == (None, 0)

    with caplog.at_level(logging.INFO, logger=snapshots.__name__):
        run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "partition 0: no snapshot can be taken: KeyError: 'a defect'",
        "partition 0: a snapshot was taken again",
    ]


def test_what_a_snapshot_holds_is_of_no_interest_to_the_collector() -> None:
    """A list of a million names would be walked again and again."""
    state, names = PartitionState(), SkuNames()
    window = Window(state, 1_000, OldIds())
    ids = {f"id-{number}": number for number in range(300)}
    state.ids.update(ids)
    state.skus.update({f"sku-{number}": SkuState({"A": number}) for number in range(5_000)})
    window.extend(len(ids))
    names.follow(state.skus)
    gc.collect()
    run = snapshots._Run(0, state, window, names, Chain(0))
    seen: dict[int, object] = {}
    waiting: list[object] = [run._names, run._ids]
    while waiting:
        one = waiting.pop()
        elsewhere = isinstance(one, type | FunctionType)
        if id(one) not in seen and not elsewhere and gc.is_tracked(one):
            seen[id(one)] = one
            waiting += gc.get_referents(one)
    # From Python 3.14 on it looks at every dictionary. Those of ids are bounded: GENERATION_IDS.
    assert any(one == ids for one in seen.values()) == gc.is_tracked({})
    sizes = [len(one) for one in seen.values() if isinstance(one, Sized) and one != ids]
    assert max(sizes, default=0) < 100
    assert next(run._names) == "sku-0"
    assert next(run._ids) == ("id-0", 0)
