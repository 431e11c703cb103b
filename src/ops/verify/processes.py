"""Verifying partitions, shared out over processes."""

from functools import partial

from ledger.config import Settings
from ops.partition_processes import Ends, Show, Told, over_partitions, run_async
from ops.verify.partition import PartitionReport
from ops.verify.run import Order, Target, verify_some


def verify_all(
    settings: Settings, order: Order, target: Target, jobs: int, show: Show
) -> list[PartitionReport]:
    """The reports of the partitions of `target`, by at most `jobs` processes.

    `show` is told now and then how many offsets are behind. Raises what `verify_some` raises.
    """
    work = partial(_verify, settings, order, target)
    return over_partitions(work, target.ends, jobs, show)


def _verify(
    settings: Settings, order: Order, target: Target, ends: Ends, told: Told
) -> list[PartitionReport]:
    return run_async(verify_some(settings, order, target, list(ends), told))
