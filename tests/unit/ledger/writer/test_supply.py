"""Supply orders in the writer: levels, repeats, snapshots and tails, batches that come out void."""

import random
from typing import Any

import msgspec
import pytest

from ledger.domain import facts
from ledger.domain.facts import Command, Moved, Refused
from ledger.domain.items import ItemDefined, Supplier
from ledger.domain.rejections import Rejected
from ledger.domain.supply import SupplyOrderClosed, SupplyOrderPlaced
from ledger.ownership.wire import unwrap_commands, unwrap_outcomes, wrap_commands, wrap_outcomes
from ledger.service import Ledger
from ledger.writer.outcomes import Replayed
from tests import builders as make
from tests.builders import SKU
from tests.simulation.clock import run
from tests.unit.ledger.writer.harness import World, after, picture, tell, tell_all, writer_of
from tests.unit.ledger.writer.snapshot_cases import assert_same, both, small_slices

__all__ = ["small_slices"]

TERMS: dict[str, Any] = {"suppliers": (Supplier("ACME", 7, "6", "12"),)}


def test_an_old_log_takes_supply_orders_once_it_was_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, nothing of them is written, not even a refusal; the same ids are good afterwards."""
    monkeypatch.setattr("ledger.writer.opening.FORMAT_LEVEL", 1)
    newer: list[Command] = [
        make.place(id="o"),
        make.change("nothing", quantity="1", id="c"),
        make.receipt(supply_order="nothing", id="r"),
        make.define(price="4.95", id="i"),
        make.define(id="j", **TERMS),
    ]

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            assert writer_of(ledger).state.level == 1
            assert isinstance(await tell(ledger, make.receipt()), Moved)
            assert isinstance(await tell(ledger, make.define(unit_cost="1")), ItemDefined)
            counted = len(world.counting())
            for outcome in [await tell(ledger, one) for one in newer]:
                assert isinstance(outcome, Rejected)
                assert outcome.code == "level_too_low"
            _, would = await ledger.dry_run(make.place(), actor=None)
            assert isinstance(would, Rejected)
            assert would.code == "level_too_low"
            assert len(world.counting()) == counted
            await ledger.raise_level(2, actor="ops")
            kinds = [type(await tell(ledger, one)) for one in newer]
            assert kinds == [SupplyOrderPlaced, Refused, Refused, ItemDefined, ItemDefined]

    run(main())


def test_a_new_log_takes_them_at_once() -> None:
    """It is opened at their level."""
    assert facts.FORMAT_LEVEL >= 2

    async def main() -> None:
        async with World().ledger() as ledger:
            assert isinstance(await tell(ledger, make.place()), SupplyOrderPlaced)

    run(main())


def test_repeats_get_the_first_answer() -> None:
    """Whatever the spelling; other content does not."""

    async def main() -> None:
        async with World().ledger() as ledger:
            placed = await tell(ledger, make.place("10", id="o"))
            assert await tell(ledger, make.place("10.0", id="o")) == Replayed(placed)  # type: ignore[arg-type]
            other = await tell(ledger, make.place("11", id="o"))
            assert getattr(other, "code", "") == "idempotency_key_reused"
            closed = await tell(ledger, make.close("o", id="x"))
            assert isinstance(closed, SupplyOrderClosed)
            assert await tell(ledger, make.close("o", id="x")) == Replayed(closed)
            refused = await tell(ledger, make.close("o", id="y"))
            assert isinstance(refused, Refused)
            assert await tell(ledger, make.close("o", id="y")) == Replayed(refused)
            found = await ledger.find_supply_order("o", None)
            assert found == (0, placed)
            assert await ledger.find_supply_order("x", None) is None

    run(main())


async def _traffic(ledger: Ledger, seed: int) -> None:
    chance, orders = random.Random(seed), list[tuple[str, str]]()
    for _ in range(40):
        commands: list[Command] = []
        for _ in range(6):
            sku, roll = f"sku-{chance.randrange(6)}", chance.random()
            name, of = chance.choice(orders) if orders else ("none", sku)
            if roll < 0.35:
                commands.append(make.place(chance.randint(1, 9), sku=sku))
                orders.append((commands[-1].id or "", sku))
            elif roll < 0.6:
                commands.append(make.receipt(chance.randint(1, 9), sku=of, supply_order=name))
            elif roll < 0.7:
                commands.append(make.change(name, sku=of, quantity=chance.randint(1, 9)))
            elif roll < 0.8:
                commands.append(make.close(name, sku=of))
            elif roll < 0.9:
                commands.append(make.define(sku, name=f"name {roll}"))
            else:
                commands.append(make.issue(1, sku=sku))
        await tell_all(ledger, commands)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(8))
def test_snapshot_and_tail_are_the_replay(seed: int) -> None:
    """With orders placed, received and closed between the slices of a snapshot."""

    async def main() -> None:
        world = World()
        async with world.ledger(snapshot_every_records=30) as ledger:
            await _traffic(ledger, seed)
            live = picture(writer_of(ledger).state)
        with_snapshot, replayed = await both(world)
        assert with_snapshot.snapshot_offset > 0
        assert with_snapshot.why_not is None
        assert_same(with_snapshot, replayed)
        assert picture(replayed.state)["skus"] == live["skus"]
        assert any(sku.supply for sku in replayed.state.skus.values())

    run(main())


@pytest.mark.usefixtures("small")
def test_a_snapshot_of_the_format_before_is_not_used() -> None:
    """It says nothing of orders, so all of the log is read."""

    async def main() -> None:
        world = World()
        async with world.ledger(snapshot_every_records=30) as ledger:
            await _traffic(ledger, 1)
        generation, manifest = world.store.manifests[0]
        older = msgspec.msgpack.decode(manifest) | {"format": 5}
        world.store.manifests[0] = (generation, msgspec.msgpack.encode(older))
        recovered, replayed = await both(world)
        assert "it has format 5" in (recovered.why_not or "")
        assert recovered.snapshot_offset == 0
        assert_same(recovered, replayed)

    run(main())


def test_a_void_batch_is_undone_and_decided_again() -> None:
    """Somebody else closed the order first: the receipt in the batch is refused."""

    async def main() -> None:
        world = World()
        log = world.log()
        async with world.ledger(log) as ledger:
            await tell(ledger, make.place(id="o"))

            async def close_first() -> None:
                state = writer_of(ledger).state
                offset = len(world.broker.partitions[0])
                closed = SupplyOrderClosed(
                    offset, make.close("o", id="x"), "x", SKU, 2, 10, 0, 0, 0, state.recorded_ms
                )
                world.write(closed)

            log.script.append(after(close_first))
            outcomes = await tell_all(
                ledger,
                [make.receipt("3", supply_order="o"), make.place("4", id="p"), make.close("p")],
            )
            assert [type(one) for one in outcomes] == [
                Refused, SupplyOrderPlaced, SupplyOrderClosed,
            ]  # fmt: skip
            assert getattr(outcomes[0], "code", "") == "supply_order_not_open"
            assert writer_of(ledger).state.skus[SKU].supply is None

    run(main())


def test_commands_and_outcomes_go_between_instances() -> None:
    """Each kind comes out as it went in."""
    commands: list[Command] = [
        make.place("1.5", order="PO-7", unit_cost="2"),
        make.change("o", quantity=3),
        make.close("o", "cancelled", note="n"),
        make.receipt(supply_order="o"),
    ]
    assert unwrap_commands(wrap_commands(commands)) == commands

    async def main() -> list[Any]:
        async with World().ledger() as ledger:
            told: list[Command] = [
                make.place(id="o"), make.receipt("3", supply_order="o"),
                make.change("o", quantity="4"), make.close("o"),
            ]  # fmt: skip
            return [await tell(ledger, one) for one in told]

    outcomes = run(main())
    assert not any(isinstance(one, Rejected | Refused) for one in outcomes)
    both_ways = [*outcomes, *map(Replayed, outcomes)]
    assert unwrap_outcomes(wrap_outcomes(both_ways)) == both_ways
