"""Seeded crashes: whatever happens, history adds up and every answer was true."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from ledger.domain.decider import evolve
from ledger.domain.facts import Fact
from ledger.domain.stock import PartitionState
from ledger.writer.batch import Batch, Decider
from ledger.writer.queue import Submission
from ledger.writer.recovery import Recovered
from tests.simulation.faulty_log import FaultyLog
from tests.simulation.scenario import Result, simulate

SEEDS = 60
OPERATIONS = 300
# A mutant that survives so many runs is one that the auditor does not see.
MUTANT_SEEDS = 40


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_answer_is_true_and_history_adds_up(seed: int) -> None:
    """Balances, values, answers, ids and the chain, by a model of its own."""
    result = simulate(seed, OPERATIONS)
    assert result.problems == [], f"python -m tests.simulation --seed {seed}"
    assert result.counted > 0


def test_a_seed_gives_the_same_run_again() -> None:
    """Otherwise no failure could be looked at twice."""
    assert simulate(3, 150) == simulate(3, 150)


def test_the_runs_meet_what_they_are_for() -> None:
    """Together the runs see void batches, unknown outcomes, refusals and replays in numbers."""
    results = [simulate(seed, 100) for seed in range(10)]
    assert sum(result.void for result in results) > 50
    for name in ("Moved", "Refused", "Replayed", "Unknown", "Unavailable", "Rejected"):
        assert sum(result.heard.get(name, 0) for result in results) > 20, name


def _caught() -> Result | None:
    for seed in range(MUTANT_SEEDS):
        result = simulate(seed, OPERATIONS)
        if result.problems:
            return result
    return None


def _append_believes_everything(original: Callable[..., Any]) -> Callable[..., Any]:
    async def append(self: FaultyLog, partition: int, offset: int, records: Any) -> int:
        await original(self, partition, offset, records)
        return offset

    return append


def _fill_forgets_ids(original: Callable[..., Any]) -> Callable[..., Any]:
    def fill(self: Decider, batch: Batch, *rest: Any) -> int:
        remembered, self.state.ids = self.state.ids, {}
        try:
            return int(original(self, batch, *rest))
        finally:
            remembered.update(self.state.ids)
            self.state.ids = remembered

    return fill


def _fold_twice(fact: Fact, recovered: Recovered) -> None:
    evolve(recovered.state, fact)


def _never_unsure(self: Submission, index: int) -> bool:
    return False


def _no_undo(state: object, batch: Batch) -> None:
    """Leave a void batch in the state."""


def _no_count(self: PartitionState, offset: int, quantity: int) -> None:
    """Let goods come back as often as anybody likes."""


MUTANTS = {
    "a void batch is taken for a counting one": (
        "tests.simulation.faulty_log.FaultyLog.append",
        _append_believes_everything(FaultyLog.append),
    ),
    "a void batch is not undone": ("ledger.writer.draft.take_back", _no_undo),
    "what came back is not counted": (
        "ledger.domain.stock.PartitionState.come_back",
        _no_count,
    ),
    "ids are forgotten": ("ledger.writer.batch.Decider.fill", _fill_forgets_ids(Decider.fill)),
    "the tail is folded into what the snapshot holds": (
        "ledger.writer.recovery._fold",
        _fold_twice,
    ),
    "an append of unknown outcome is forgotten": (
        "ledger.writer.queue.Submission.unsure",
        _never_unsure,
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_the_auditor_sees_each_mutant(name: str) -> None:
    """An auditor that cannot fail proves nothing."""
    target, mutant = MUTANTS[name]
    with mock.patch(target, mutant):
        assert _caught() is not None
