"""The answer: what a state says of each SKU, exact numbers as decimal text."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from ledger.domain import codes
from ledger.domain.items import Item
from ledger.domain.quantities import COST_SCALE, divide_half_even, text
from ledger.domain.stock import AVAILABLE, SkuState, split_key
from ledger.domain.supply import PlaceSupplyOrder
from ledger.replay.turnover import SkuTurnover

Placed = Mapping[int, PlaceSupplyOrder]


class StockRow(msgspec.Struct, omit_defaults=True, gc=False):
    """A stock key. `opening`, `in` and `out` are there where a range was asked for."""

    location: str
    lot: str | None
    status: str
    on_hand: str
    opening: str | None = None
    came: str | None = msgspec.field(default=None, name="in")
    went: str | None = msgspec.field(default=None, name="out")


class SupplyRow(msgspec.Struct, gc=False):
    """An open line of a supply order."""

    id: str
    order: str | None
    supplier: str
    location: str
    quantity: str
    received: str
    outstanding: str
    placed_at: str
    expected_at: str


class SkuAnswer(msgspec.Struct, omit_defaults=True, gc=False):
    """A SKU. `value` is what the goods on hand cost; of a part of them, their share of it at the
    moving average. `value_in` and `value_out` are there where a range was asked for."""

    sku: str
    scale: int
    unit: str
    on_hand: str
    unavailable: str
    available: str
    on_order: str
    value: str
    item: Item | None
    stock: list[StockRow]
    supply: list[SupplyRow]
    value_opening: str | None = None
    value_in: str | None = None
    value_out: str | None = None


class Totals(msgspec.Struct):
    """What all SKUs of an answer come to; `on_hand` by unit of measure, scaled by six digits."""

    skus: int = 0
    stock_keys: int = 0
    negative_keys: int = 0
    supply_lines: int = 0
    value: int = 0
    on_hand: dict[str, int] = msgspec.field(default_factory=dict)


class Answers:
    """Makes the answers of one partition. `location`: only what lies there or below it."""

    def __init__(self, location: str | None, placed: Placed) -> None:
        """`placed` are the commands of supply orders by the offset of their placing."""
        self._location = location
        self._placed = placed
        self.totals = Totals()

    def make(
        self, skus: Mapping[str, SkuState], moved: Mapping[str, SkuTurnover] | None
    ) -> Iterator[SkuAnswer]:
        """The answers in the order of the SKUs; `moved` is what came and went in the range."""
        for name in sorted(skus):
            turnover = None if moved is None else moved.get(name, _STILL)
            answer = self._sku(name, skus[name], turnover)
            if self._location is None or answer.stock or answer.supply:
                yield answer

    def _sku(self, name: str, sku: SkuState, turnover: SkuTurnover | None) -> SkuAnswer:
        scale, levels = sku.scale, sku.levels
        keys = self._keys(levels if turnover is None else {*levels, *turnover.came, *turnover.went})
        on_hand = sum(levels.get(key, 0) for key, _ in keys)
        unavailable = sum(levels.get(key, 0) for key, (_, _, status) in keys if status != AVAILABLE)
        value = sku.value if self._location is None else _share(sku, on_hand)
        supply = self._supply(sku)
        on_order = sum(outstanding for _, outstanding in supply)
        answer = SkuAnswer(
            name,
            scale,
            sku.described.unit,
            text(on_hand, scale),
            text(unavailable, scale),
            text(on_hand - unavailable, scale),
            text(on_order, scale),
            text(value, COST_SCALE),
            sku.item,
            [_row(key, place, sku, turnover) for key, place in keys],
            [row for row, _ in supply],
        )
        if turnover is not None and self._location is None:
            opening = sku.value - turnover.value_in + turnover.value_out
            answer.value_opening = text(opening, COST_SCALE)
            answer.value_in = text(turnover.value_in, COST_SCALE)
            answer.value_out = text(turnover.value_out, COST_SCALE)
        self._count(sku, answer, [levels.get(key, 0) for key, _ in keys], value)
        return answer

    def _count(self, sku: SkuState, answer: SkuAnswer, held: list[int], value: int) -> None:
        totals = self.totals
        totals.skus += self._location is None or bool(answer.stock or answer.supply)
        totals.stock_keys += sum(one != 0 for one in held)
        totals.negative_keys += sum(one < 0 for one in held)
        totals.supply_lines += len(answer.supply)
        totals.value += value
        if any(held):
            more = sum(held) * 10 ** (COST_SCALE - sku.scale)
            totals.on_hand[answer.unit] = totals.on_hand.get(answer.unit, 0) + more

    def _keys(self, keys: Iterable[str]) -> list[tuple[str, tuple[str, str | None, str]]]:
        """Stock keys and their places, in the order of lists of stock."""
        placed = [(key, split_key(key)) for key in keys]
        if self._location is not None:
            placed = [one for one in placed if self._holds(one[1][0])]
        return sorted(placed, key=lambda one: (one[1][0], one[1][1] or "", one[1][2]))

    def _holds(self, location: str) -> bool:
        return self._location is None or is_below(location, self._location)

    def _supply(self, sku: SkuState) -> list[tuple[SupplyRow, int]]:
        """The open lines in the order of their placing, and what is still to come of each."""
        lines = []
        for identity, line in sorted((sku.supply or {}).items(), key=lambda one: one[1].offset):
            placed = self._placed[line.offset]
            if not self._holds(placed.location):
                continue
            row = SupplyRow(
                identity,
                placed.order,
                placed.supplier,
                placed.location,
                text(line.ordered, sku.scale),
                text(line.received, sku.scale),
                text(line.outstanding, sku.scale),
                codes.instant_text(line.placed_us),
                codes.instant_text(line.expected_us),
            )
            lines.append((row, line.outstanding))
        return lines


_STILL = SkuTurnover({}, {})


def is_below(location: str, prefix: str) -> bool:
    """Whether a location is the place `prefix`, or lies below it in the path."""
    return location == prefix or location.startswith(f"{prefix}/")


def _row(
    key: str,
    place: tuple[str, str | None, str],
    sku: SkuState,
    turnover: SkuTurnover | None,
) -> StockRow:
    held = sku.levels.get(key, 0)
    row = StockRow(*place, text(held, sku.scale))
    if turnover is not None:
        came, went = turnover.came.get(key, 0), turnover.went.get(key, 0)
        row.opening = text(held - came + went, sku.scale)
        row.came, row.went = text(came, sku.scale), text(went, sku.scale)
    return row


def _share(sku: SkuState, on_hand: int) -> int:
    """The part of a SKU's value that so many of it have, at their average, rounded half to even."""
    if sku.quantity == 0:
        return 0
    if sku.quantity < 0:
        return divide_half_even(-sku.value * on_hand, -sku.quantity)
    return divide_half_even(sku.value * on_hand, sku.quantity)
