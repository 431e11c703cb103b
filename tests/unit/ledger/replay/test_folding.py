"""The state of a partition from its records alone."""

from collections.abc import Sequence

import pytest

from ledger.domain.decider import evolve
from ledger.domain.facts import Fact
from ledger.domain.stock import PartitionState
from ledger.domain.supply import SupplyOrderClosed
from ledger.errors import ChainBroken
from ledger.events.codec import encode
from ledger.log import Record
from ledger.replay.folding import FactImpossible, fold, replay_state
from ledger.replay.walk import Gap, Walk
from tests import builders as make
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller
from tests.unit.ledger.replay.histories import ended, folded, picture, run, told


def test_it_is_the_state_that_was_decided_on() -> None:
    """With what was undone and what came back; ids only if they are wanted."""
    teller = told()
    state, walk = run(replay_state(teller.log, 0, until=teller.end, keep_ids=True))
    assert picture(state) == picture(ended(teller))
    assert state.ids == teller.state.ids
    assert walk.chain.head == teller.head
    state, _ = run(replay_state(teller.log, 0, until=teller.end))
    assert picture(state) == picture(ended(teller))
    assert state.ids == {}


def test_every_prefix_is_the_state_of_then() -> None:
    """By offset, and by the instant of recording."""
    teller = told()
    for until in range(1, teller.end + 1):
        expected = _evolved([one for one in teller.facts if one.offset < until])
        expected.offset = until
        assert picture(folded(teller.log, until=until)) == picture(expected)
    for limit in {one.recorded_ms for one in teller.facts}:
        known, _ = run(replay_state(teller.log, 0, until=teller.end, recorded_ms_max=limit))
        expected = _evolved([one for one in teller.facts if one.recorded_ms <= limit])
        expected.offset = known.offset
        assert picture(known) == picture(expected)


def _evolved(facts: Sequence[Fact]) -> PartitionState:
    state = PartitionState()
    for fact in facts:
        evolve(state, fact)
    return state


def test_progress_is_told() -> None:
    """After each slice, the position."""
    teller, seen = told(), list[int]()
    walk = Walk(0)
    run(fold(teller.log, walk, lambda _: None, until=5, progress=seen.append))
    assert seen == [5]


def test_a_gap_before_the_end_is_proved_by_what_follows() -> None:
    """And where something that counted is missing, that is found, though it is not replayed."""
    teller = told()
    log = teller.log
    log.records[0] = [one for one in log.records[0] if one.offset != 4]
    walk = Walk(0)
    folded(log, walk, until=5)
    assert (walk.gaps, walk.open_gaps, walk.position) == ([Gap(4, 4)], [], 5)
    log.records[0] = [one for one in log.records[0] if one.offset != 5]
    with pytest.raises(ChainBroken, match="offsets 4 to 5 missing"):
        folded(log, until=6)


def test_a_gap_at_the_very_end_stays_open() -> None:
    """Nothing that lies behind it can tell."""
    teller = Teller(MemoryLog(1))
    teller.void()
    teller.void()
    del teller.log.records[0][1]
    walk = Walk(0)
    folded(teller.log, walk)
    assert (walk.open_gaps, walk.position) == ([Gap(1, 1)], 3)


def test_what_cannot_be_true_stops_at_its_place() -> None:
    """The chain fits, and what it says does not follow: nobody of ours wrote it."""
    teller = Teller(MemoryLog(1))
    # Encoded by hand: `lay` would try to apply it.
    closing = SupplyOrderClosed(
        1, make.close("nobody", id="c", sku="X"), "c", "X", 0, 1, 0, 0, 0, START_MS
    )
    key, value = encode(closing, teller.source, teller.head)
    teller.log.put(0, Record(1, 1, key, value, START_MS))
    with pytest.raises(FactImpossible, match="partition 0, offset 1: the record cannot be true"):
        folded(teller.log)
