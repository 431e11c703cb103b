"""Seeded faults: whatever happens, history adds up and every answer was true."""

from unittest import mock

import pytest

from tests.simulation.mutants import SHARING_MUTANTS, STORM_MUTANTS, WRITER_MUTANTS
from tests.simulation.scenario import Result, simulate

# So many runs each time the tests run, in parts of so many.
SEEDS = 200
SEEDS_A_PART = 10
STORM_SEEDS = 20
STORM_OPERATIONS = 1_200
# A mutant that survives so many runs of so many commands is one that the auditor does not see.
MUTANT_SEEDS = 80
MUTANT_OPERATIONS = 600
MUTANT_SEED_FIRST = 200


@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_A_PART))
def test_every_answer_is_true_and_history_adds_up(first: int) -> None:
    """Balances, values, answers, ids, order, the chain, owners and views, by a model of its own."""
    for seed in range(first, first + SEEDS_A_PART):
        result = simulate(seed)
        assert result.problems == [], f"make simulate SEED={seed}"
        assert result.counted > 0


@pytest.mark.parametrize("first", range(0, STORM_SEEDS, SEEDS_A_PART))
def test_nothing_is_wrong_in_a_storm(first: int) -> None:
    """Two faults at once nearly all the time, and bulks of several slices that meet them."""
    for seed in range(first, first + SEEDS_A_PART):
        result = simulate(seed, STORM_OPERATIONS, storm=True)
        assert result.problems == [], f"make simulate SEED={seed}, --storm"
        assert result.counted > 0


def test_a_seed_gives_the_same_run_again() -> None:
    """Otherwise no failure could be looked at twice."""
    assert simulate(4, 300) == simulate(4, 300)


def test_the_runs_meet_what_they_are_for() -> None:
    """Together the runs see void batches, forwarded commands and every outcome in numbers."""
    results = [simulate(seed, 400) for seed in range(10)]
    assert sum(result.void for result in results) > 200
    assert sum(result.forwarded for result in results) > 1_000
    for name in ("Moved", "Refused", "Replayed", "Unknown", "Unavailable", "Rejected"):
        assert sum(result.heard.get(name, 0) for result in results) > 50, name


def _caught(operations: int, *, storm: bool) -> Result | None:
    for seed in range(MUTANT_SEED_FIRST, MUTANT_SEED_FIRST + MUTANT_SEEDS):
        result = simulate(seed, operations, storm=storm)
        if result.problems:
            return result
    return None


@pytest.mark.parametrize("name", WRITER_MUTANTS | SHARING_MUTANTS)
def test_the_auditor_sees_each_mutant(name: str) -> None:
    """An auditor that cannot fail proves nothing."""
    target, mutant = (WRITER_MUTANTS | SHARING_MUTANTS)[name]
    with mock.patch(target, mutant):
        assert _caught(MUTANT_OPERATIONS, storm=False) is not None


@pytest.mark.parametrize("name", STORM_MUTANTS)
def test_the_auditor_sees_each_mutant_of_a_storm(name: str) -> None:
    """By what it is about: the order of the commands of a bulk."""
    target, mutant = STORM_MUTANTS[name]
    with mock.patch(target, mutant):
        caught = _caught(STORM_OPERATIONS, storm=True)
    assert caught is not None
    assert "its bulk was at" in caught.problems[0]
