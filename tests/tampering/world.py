"""A ledger with some thousand movements of every kind, in memory, to be tampered with."""

import random
from collections.abc import Iterator
from typing import Any

from ledger.domain.facts import Moved
from ledger.domain.movements import (
    Adjustment,
    CustomerReturn,
    Issue,
    MovementCommand,
    Pick,
    Receipt,
    Reference,
    Reversal,
    Scrap,
    StatusChange,
    SupplierReturn,
    Transfer,
)
from ledger.domain.supply import ChangeSupplyOrder, CloseSupplyOrder, PlaceSupplyOrder
from ledger.events.partitioner import Partitioner
from tests.contract.read_models.cases import MemoryLog, Teller

MOVEMENTS = 10_000
PARTITIONS = 12
SKUS_A_PARTITION = 4
SHELVES = ("MAIN/A/01", "MAIN/B", "EAST/É")


def skus_of(partitions: int, each: int = SKUS_A_PARTITION) -> list[list[str]]:
    """Some SKUs of each partition, where the partitioner puts them."""
    found: list[list[str]] = [[] for _ in range(partitions)]
    partitioner = Partitioner(partitions)
    number = 0
    while any(len(skus) < each for skus in found):
        sku = f"SKU-{number:04d}" if number % 7 else f'Ä "{number}"'
        skus = found[partitioner.partition_of(sku)]
        if len(skus) < each:
            skus.append(sku)
        number += 1
    return found


class World:
    """Grows by commands drawn from a seed; every one of them is carried out."""

    def __init__(self, seed: int = 6, partitions: int = PARTITIONS) -> None:
        """Described items, and nothing on the shelves."""
        self.chance = random.Random(seed)
        self.log = MemoryLog(partitions)
        self.tellers = [Teller(self.log, partition) for partition in range(partitions)]
        self.skus = skus_of(partitions)
        self._number = 0
        # SKU to shelf to what lies there.
        self._held: dict[str, dict[str, int]] = {}
        self._issued: dict[str, list[Moved]] = {}
        for teller, skus in zip(self.tellers, self.skus, strict=True):
            teller.define(skus[0], f"item-{teller.partition}", unit_cost="1.25", name="Näme")

    def go_on(self, movements: int) -> "World":
        """So many movements more, and now and then something else."""
        for _ in range(movements):
            partition = self.chance.randrange(len(self.tellers))
            teller = self.tellers[partition]
            self._something_else(teller, self.skus[partition])
            self._move(teller, self.chance.choice(self.skus[partition]))
        return self

    def _id(self) -> str:
        self._number += 1
        return f"id-{self._number}"

    def _something_else(self, teller: Teller, skus: list[str]) -> None:
        dice = self.chance.random()
        sku = self.chance.choice(skus)
        if dice < 0.01:
            teller.void()
        elif dice < 0.015:
            teller.foreign()
        elif dice < 0.025:
            teller.claim()
        elif dice < 0.045:
            teller.refuse(Pick(id=self._id(), sku=sku, quantity="999999", location=SHELVES[0]))
        elif dice < 0.06:
            self._supply(teller, sku)

    def _supply(self, teller: Teller, sku: str) -> None:
        """A line of a supply order: placed, received in part, changed, and closed."""
        line, due = self._id(), "2026-01-20T00:00:00Z"
        teller.supply(
            PlaceSupplyOrder(
                id=line, sku=sku, quantity="10", supplier="ACME", location="MAIN", expected_at=due
            )
        )
        came = teller.tell(
            Receipt(
                id=self._id(), sku=sku, quantity="4", location=SHELVES[1], supply_order=line,
                unit_cost="2",
            )
        )  # fmt: skip
        self._put(sku, SHELVES[1], 4)
        if self.chance.random() < 0.5:
            teller.tell(Reversal(id=self._id(), sku=sku, reverses=came.id))
            self._put(sku, SHELVES[1], -4)
        teller.supply(ChangeSupplyOrder(id=self._id(), sku=sku, supply_order=line, quantity="8"))
        if self.chance.random() < 0.5:
            teller.supply(
                CloseSupplyOrder(id=self._id(), sku=sku, supply_order=line, reason="received")
            )

    def _put(self, sku: str, shelf: str, quantity: int) -> None:
        held = self._held.setdefault(sku, dict.fromkeys(SHELVES, 0))
        held[shelf] += quantity

    def _move(self, teller: Teller, sku: str) -> None:
        held = self._held.setdefault(sku, dict.fromkeys(SHELVES, 0))
        shelf = self.chance.choice(SHELVES)
        if held[shelf] < 10:
            teller.tell(
                Receipt(
                    id=self._id(), sku=sku, quantity="60", location=shelf,
                    unit_cost=f"{self.chance.randrange(1, 999)}.05",
                    reference=Reference("purchase_order", f"PO-{self._number // 50}"),
                )
            )  # fmt: skip
            held[shelf] += 60
            return
        issued = self._issued.setdefault(sku, [])
        if issued and self.chance.random() < 0.15:
            self._undo(teller, issued.pop(), shelf)
            return
        command = self.chance.choice(list(self._commands(sku, shelf)))
        moved = teller.tell(command)
        for account, sign in ((moved.source, -1), (moved.target, 1)):
            if account in held:
                held[account] += sign * moved.quantity
        if moved.target == "@customer":
            issued.append(moved)

    def _undo(self, teller: Teller, moved: Moved, shelf: str) -> None:
        """Some of what went out comes back, or it never went."""
        if self.chance.random() < 0.5:
            teller.tell(Reversal(id=self._id(), sku=moved.sku, reverses=moved.id))
            self._put(moved.sku, moved.source, moved.quantity)
            return
        teller.tell(
            CustomerReturn(
                id=self._id(), sku=moved.sku, quantity="1", location=shelf, original_id=moved.id
            )
        )
        self._put(moved.sku, shelf, 1)

    def _commands(self, sku: str, shelf: str) -> Iterator[MovementCommand]:
        identity, number = self._id(), str(self.chance.randrange(1, 6))
        other = SHELVES[(SHELVES.index(shelf) + 1) % len(SHELVES)]
        common: dict[str, Any] = {"id": identity, "sku": sku, "quantity": number}
        for _ in range(4):
            yield Pick(**common, location=shelf, note="grüße")
            yield Issue(**common, location=shelf, reference=Reference("order", identity))
        yield Transfer(**common, from_location=shelf, to_location=other)
        yield Pick(**common, location=shelf, to_location="STAGE")
        yield Scrap(**common, location=shelf, reason="damaged")
        yield SupplierReturn(**common, location=shelf)
        yield Adjustment(**{**common, "quantity": f"-{number}"}, location=shelf, reason="lost")
        yield Adjustment(
            **common, location=shelf, reason="found", occurred_at="2026-01-01T00:00:00Z"
        )
        yield Receipt(**common, location=shelf, lot="L/1")
        yield StatusChange(
            **common, location=shelf, from_status="available", to_status="quarantined"
        )
