"""What had occurred by an instant, whenever it was recorded."""

import random
from collections import Counter
from typing import Any

import pytest

from ledger.domain import codes
from ledger.domain.facts import Fact, Moved
from ledger.domain.stock import PartitionState
from ledger.replay.folding import StateFold
from ledger.replay.occurred import OccurredFold, occurred
from ledger.replay.turnover import Range, Turnover
from tests import builders as make
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.unit.ledger.replay.histories import at, ended, told

FOR_EVER = 2**62


def _at(days: float) -> int:
    instant = codes.instant(at(days))
    assert isinstance(instant, int)
    return instant


def _occurred(facts: list[Fact], until_us: int) -> PartitionState:
    fold = OccurredFold(until_us)
    for fact in facts:
        fold(fact)
    return fold.state


def _skus(state: PartitionState) -> dict[str, Any]:
    return {
        name: (sku.levels, sku.quantity, sku.value, sku.scale, sku.item, sku.moved, sku.supply)
        for name, sku in state.skus.items()
    }


def chance_history(seed: int) -> Teller:
    """Receipts, picks, transfers and reversals that occurred in any order."""
    chance = random.Random(seed)
    teller = Teller(MemoryLog(1))
    teller.now_ms += 5 * 86_400_000
    for number in range(60):
        sku, when = f"S{chance.randrange(3)}", at(chance.randrange(50) / 10)
        held = {} if sku not in teller.state.skus else teller.state.skus[sku].levels
        fields: dict[str, Any] = {"id": f"m{number}", "sku": sku, "occurred_at": when}
        place = chance.choice(sorted(held)) if held else None
        if place is None or chance.random() < 0.4:
            location = chance.choice(["A", "B/1", "B/2"])
            cost = chance.choice([None, "1.1", "3"])
            teller.tell(
                make.receipt(chance.randrange(1, 9), location=location, unit_cost=cost, **fields)
            )
        elif chance.random() < 0.5:
            teller.tell(make.pick(chance.randint(1, held[place]), location=place, **fields))
        else:
            teller.tell(make.transfer(1, from_location=place, to_location=f"{place}/X", **fields))
    return teller


def test_all_of_it_is_the_state() -> None:
    """Whatever the order in which it occurred."""
    for teller in (told(), *map(chance_history, range(5))):
        assert _skus(_occurred(teller.facts, FOR_EVER)) == _skus(ended(teller))


@pytest.mark.parametrize("seed", range(3))
def test_an_instant_is_the_sum_of_what_occurred(seed: int) -> None:
    """Against a sum over all accounts, written anew."""
    facts = chance_history(seed).facts
    for until_us in sorted({occurred(fact) for fact in facts})[::7]:
        accounts: Counter[tuple[str, str]] = Counter()
        for fact in facts:
            if isinstance(fact, Moved) and fact.occurred_us <= until_us:
                accounts[fact.sku, fact.source] -= fact.quantity
                accounts[fact.sku, fact.target] += fact.quantity
        state = _occurred(facts, until_us)
        found = {
            (name, key): held
            for name, sku in state.skus.items()
            for key, held in sku.levels.items()
        }
        assert found == {key: held for key, held in accounts.items() if held and key[1][0] != "@"}
        for name, sku in state.skus.items():
            assert sku.quantity == -sum(
                held for (one, key), held in accounts.items() if one == name and key[0] == "@"
            )


def test_what_was_recorded_late_counts_when_it_occurred() -> None:
    """So a stock key may have been negative, which nobody knew then."""
    teller = Teller(MemoryLog(1))
    teller.now_ms += 86_400_000
    teller.tell(receipt("m1", "A", "5", occurred_at=at(0.9)))
    teller.tell(make.pick("2", id="m2", sku="A", location="MAIN/A/01", occurred_at=at(0.5)))
    state = _occurred(teller.facts, _at(0.7))
    assert (state.skus["A"].levels, state.skus["A"].quantity) == ({"MAIN/A/01": -2}, -2)
    assert _occurred(teller.facts, _at(0.9)).skus["A"].levels == {"MAIN/A/01": 3}
    assert _occurred(teller.facts, _at(0.4)).skus == {}


def test_supply_orders_are_open_from_their_placing_to_their_end() -> None:
    """Changed and received in between; both ends are by the clock that they have."""
    facts = told().facts
    first = _occurred(facts, _at(1)).skus["apple"].supply
    assert first is not None
    assert [(one.ordered, one.received) for one in first.values()] == [(2000, 0)]
    third = _occurred(facts, _at(2.5)).skus["apple"].supply
    assert third is not None
    assert [(one.ordered, one.received) for one in third.values()] == [(1800, 500)]
    assert _occurred(facts, _at(4)).skus["apple"].supply is None


def test_the_first_of_all_is_known() -> None:
    """To say what is before the beginning."""
    fold = OccurredFold(0)
    for fact in told().facts:
        fold(fact)
    assert fold.first_us == START_MS * 1000
    assert fold.state.skus == {}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("clock", ["offset", "recorded", "occurred"])
def test_ranges_add_up(seed: int, clock: str) -> None:
    """What was there, plus what came, less what went, is what is there; by each clock."""
    facts = chance_history(seed).facts
    middle = facts[len(facts) // 2]
    bounds = {
        "offset": {"after_offset": middle.offset},
        "recorded": {"after_recorded_ms": middle.recorded_ms},
        "occurred": {"after_occurred_us": occurred(middle)},
    }[clock]
    turnover, whole = Turnover(Range(**bounds)), StateFold()
    for fact in facts:
        whole(fact)
        turnover(fact)
    before = (
        _occurred(facts, occurred(middle))
        if clock == "occurred"
        else _occurred(facts[: facts.index(middle) + 1], FOR_EVER)
    )
    assert turnover.movements > 0
    for name, sku in whole.state.skus.items():
        moved, earlier = turnover.skus[name], before.skus[name]
        for key in {*sku.levels, *earlier.levels, *moved.came, *moved.went}:
            assert earlier.levels.get(key, 0) + moved.came.get(key, 0) - moved.went.get(
                key, 0
            ) == sku.levels.get(key, 0)
        assert earlier.value + moved.value_in - moved.value_out == sku.value
