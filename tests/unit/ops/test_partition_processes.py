"""Sharing partitions out over processes."""

import multiprocessing

import pytest

from ops.partition_processes import (
    JOBS_MAX,
    RECORDS_A_PROCESS_MIN,
    Ends,
    Processes,
    Told,
    jobs_default,
    over_partitions,
    shares,
)


@pytest.mark.parametrize("jobs", [1, 2, 3, 9])
def test_each_partition_has_one_process(jobs: int) -> None:
    """And no process has much more to do than the others."""
    ends = {0: 10, 1: 90, 2: 40, 3: 50, 4: 0}
    groups = shares(ends, jobs)
    assert len(groups) == min(jobs, len(ends))
    assert sorted(one for group in groups for one in group.items()) == sorted(ends.items())
    loads = [sum(group.values()) for group in groups]
    # The longest partition cannot be split.
    assert max(loads) == {1: 190, 2: 100, 3: 90, 9: 90}[jobs]


def test_nothing_to_do_is_done() -> None:
    """By one process, in no time."""
    assert shares({}, 4) == [{}]
    assert over_partitions(_partitions, {}, 4, lambda _: None) == []


def test_few_records_are_not_worth_a_process() -> None:
    """And no more processes than there are processors."""
    assert jobs_default({0: 10, 1: RECORDS_A_PROCESS_MIN}) == 1
    assert 1 <= jobs_default({0: RECORDS_A_PROCESS_MIN * 1_000}) <= JOBS_MAX


def test_one_process_tells_how_far_it_is() -> None:
    """The sum over its partitions."""
    seen = list[int]()
    assert over_partitions(_partitions, {3: 5, 7: 6}, 1, seen.append) == [3, 7]
    assert seen == [5, 11]


def test_more_is_wanted_than_was_started() -> None:
    """As where the log has grown since: those that are there do it, and have ended then."""
    with Processes(2, _prepare) as processes:
        found = over_partitions(_partitions, {0: 5, 1: 5, 2: 5}, 3, lambda _: None, processes)
        assert sorted(found) == [0, 1, 2]
        assert not multiprocessing.active_children()


def _prepare() -> None:
    """Nothing is needed."""


def _partitions(ends: Ends, told: Told) -> list[int]:
    for partition, end in ends.items():
        told(partition, end)
    return list(ends)
