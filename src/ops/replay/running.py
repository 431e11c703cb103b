"""Replaying partitions, shared out over processes."""

from functools import partial

from ledger.config import Settings
from ops.existing_log import existing_log
from ops.partition_processes import Ends, Show, Told, over_partitions, run_async
from ops.replay.partition import PartitionAnswer, replay_partition
from ops.replay.question import Question


def replay(
    settings: Settings, question: Question, ends: Ends, jobs: int, show: Show
) -> list[PartitionAnswer]:
    """The answers of the partitions in `ends`, in order, by at most `jobs` processes.

    `show` is told now and then how many offsets are behind. Whatever the number of processes, the
    answers are the same. Raises what `replay_partition` raises.
    """
    answers = over_partitions(partial(_replay_some, settings, question), ends, jobs, show)
    return sorted(answers, key=lambda one: one.partition)


def _replay_some(
    settings: Settings, question: Question, ends: Ends, told: Told
) -> list[PartitionAnswer]:
    async def all_of_them() -> list[PartitionAnswer]:
        async with existing_log(settings) as log:
            return [
                await replay_partition(
                    log, partition, question, until=end, progress=partial(told, partition)
                )
                for partition, end in ends.items()
            ]

    return run_async(all_of_them())
