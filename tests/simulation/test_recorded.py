"""The checker of histories as the judge of simulated runs, good ones and broken ones."""

from unittest import mock

import pytest

from ledger.log import Record
from ops.check_history.check import Result, Stored, check_log
from ops.check_history.history import History
from tests.simulation.clock import run
from tests.simulation.mutants import WRITER_MUTANTS
from tests.simulation.recorded import judged
from tests.unit.ops.story import StoredLog

SEEDS = 20
OPERATIONS = 600
MUTANT_SEEDS = 40
# Of an id that was sent with several contents, none of them answered, too little is known.
UNJUDGED_MAX = 2
# What a caller or the log shows of each way to break the writer.
SHOWS = {
    "a void batch is taken for a counting one": {"lost"},
    "a void batch is not undone": {"wrong_balance", "unjustified", "negative"},
    "what came back is not counted": {"undone_twice"},
    "what came of an order is not counted": {"wrong_supply"},
    "ids are forgotten": {"counted_twice"},
    "the tail is folded into what the snapshot holds": {"snapshot_differs", "wrong_value"},
    "an append of unknown outcome is forgotten": {"told_no"},
}


@pytest.mark.parametrize("seed", range(SEEDS))
def test_what_callers_hear_is_true(seed: int) -> None:
    """Crashes, lost answers, late batches, lost peers: no finding, and judged is nearly all."""
    result, _, calls = judged(seed, OPERATIONS)
    assert result.findings.kept == [], f"seed {seed}"
    assert result.operations == len(calls)
    assert result.unjudged <= UNJUDGED_MAX
    assert sum(walk.fold.movements for walk in result.walks) > 0


def _found(codes: set[str]) -> Result | None:
    for seed in range(MUTANT_SEEDS):
        result, _, _ = judged(seed, OPERATIONS)
        if result.findings.counts.keys() & codes:
            return result
    return None


@pytest.mark.parametrize("name", WRITER_MUTANTS)
def test_the_checker_sees_each_mutant(name: str) -> None:
    """By one of the rules that it breaks."""
    target, mutant = WRITER_MUTANTS[name]
    with mock.patch(target, mutant):
        assert _found(SHOWS[name]) is not None


def test_void_records_must_not_be_counted() -> None:
    """A log whose void records are taken for counting ones is full of findings."""
    result, simulation, calls = judged(0, OPERATIONS)
    assert sum(walk.tail.void for walk in result.walks) > 20
    partitions = [
        [Record(one.offset, one.offset, one.key, one.value, 0) for one in records]
        for records in simulation.broker.partitions
    ]
    found = run(check_log(StoredLog(partitions), History(calls), Stored())).findings
    assert found.counts.keys() >= {"chain_broken", "counted_twice", "wrong_balance"}
