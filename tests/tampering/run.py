"""Tampering with a ledger again and again, and seeing whether verify finds it, and where."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ledger.log import Record
from ops.verify.partition import PartitionReport, SealWatch, Sources, verify_partition
from tests.contract.read_models.cases import MemoryLog
from tests.tampering.mutations import Mutation, tamper
from tests.tampering.world import World


@dataclass
class Result:
    """What came of so many mutations: found, named exactly, named by a neighbour; by kind."""

    found: Counter[str] = field(default_factory=Counter)
    exact: Counter[str] = field(default_factory=Counter)
    near: Counter[str] = field(default_factory=Counter)
    # Only the seal knows, as a range of offsets.
    ranges: Counter[str] = field(default_factory=Counter)
    # What was not found, or not where it is.
    missed: list[tuple[int, Mutation, PartitionReport]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)


class OneOf:
    """The log with one partition replaced."""

    def __init__(self, log: MemoryLog, partition: int, records: Sequence[Record]) -> None:
        """Tampered with."""
        self.log = MemoryLog(log.partitions)
        self.log.records = [*log.records]
        self.log.records[partition] = list(records)


async def verified(
    log: MemoryLog, partition: int, watch: SealWatch | None = None
) -> PartitionReport:
    """What verify says of a partition of a log, against a seal if there is one."""
    return await verify_partition(Sources(log, watch=watch), partition)


def place_named(report: PartitionReport) -> tuple[int, int]:
    """The first offset that anything was found at; the first and last one that a seal leaves in
    doubt, where nothing but the seal knows."""
    offsets = {one.code: int(one.where.partition(":")[2]) for one in reversed(report.findings.kept)}
    differs, shorter = (offsets.pop(code, -1) for code in ("seal_differs", "shorter_than_seal"))
    if not offsets:
        last = report.head_offset + 1
        return (differs, last) if shorter < 0 else (shorter, report.end)
    first = min(offsets.values())
    return first, first


Seal = Callable[[int], SealWatch]


async def run(world: World, seal: Seal, mutations: int, seed: int) -> Result:
    """Tamper so often, each time with one partition, which alone is read again.

    The others are what they were, and were verified as such.
    """
    chance, result = random.Random(seed), Result()
    for number in range(mutations):
        partition = chance.randrange(world.log.partitions)
        mutation = tamper(chance, world.log.records[partition])
        log = OneOf(world.log, partition, mutation.records).log
        report = await verified(log, partition, seal(partition))
        judge(result, number, mutation, report)
    return result


def judge(result: Result, number: int, mutation: Mutation, report: PartitionReport) -> None:
    """Whether it was found, and named."""
    if not report.findings.total:
        result.missed.append((number, mutation, report))
        return
    result.found[mutation.kind] += 1
    result.codes.update(report.findings.counts.keys())
    first, last = place_named(report)
    if first == last == mutation.offset:
        result.exact[mutation.kind] += 1
    elif first == last and abs(first - mutation.offset) == 1:
        result.near[mutation.kind] += 1
    elif first <= mutation.offset <= last:
        result.ranges[mutation.kind] += 1
    else:
        result.missed.append((number, mutation, report))
