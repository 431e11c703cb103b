"""The log that an export becomes: compared as far as it goes, and continued from there."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass

from ledger.domain.facts import Opened, WriterClaimed
from ledger.errors import LedgerError
from ledger.events.decoding import Codec
from ledger.log import FillableLog, Record
from ledger.replay.reading import first_counting, read_records
from ops.console import CommandError, ExitCode
from ops.importing.source import Run, Source

# Told how many offsets more are done.
Tell = Callable[[int], None]


class TargetRefused(CommandError):
    """The log is not empty, and not what an import of this export has left."""

    def __init__(self, detail: str) -> None:
        """Say what is there."""
        super().__init__(detail, ExitCode.FOUND_WRONG)


@dataclass
class Filled:
    """What became of one partition: offsets `found` as they must be, and `appended`."""

    partition: int
    found: int = 0
    appended: int = 0
    void: int = 0


class Target:
    """One open log. Nobody else may write to it."""

    def __init__(self, log: FillableLog, source: Source, place: str) -> None:
        """`place` names for people what is to be deleted to begin again."""
        self._log = log
        self._source = source
        self._place = place

    async def check(self) -> None:
        """Look at how it begins and how far it goes. Raises TargetRefused."""
        for of in self._source.manifest.ranges:
            partition = of.partition
            end = await self._log.end(partition)
            if end == 0:
                continue
            first = await first_counting(self._log, partition, 0, 1)
            fact = None if first is None else _fact(first)
            if not isinstance(fact, Opened):
                raise TargetRefused(
                    f"the log is not empty: partition {partition} has records up to offset "
                    f"{end - 1}. Import into an empty one"
                )
            if fact.ledger_id != self._source.manifest.ledger_id:
                raise TargetRefused(
                    f"the log is not empty, and of another ledger: {fact.ledger_id}, and the "
                    f"export is of {self._source.manifest.ledger_id}. Import into an empty one"
                )
            if end > of.until_offset:
                raise TargetRefused(
                    f"the log goes on behind the export: partition {partition} ends before offset "
                    f"{end}, and its export before {of.until_offset}. "
                    + await self._claimed(partition, of.until_offset)
                    + "Nothing was changed; if it was imported here before, nothing is left to do"
                )

    async def fill(self, partition: int, tell: Tell) -> Filled:
        """Compare what is there with the export, and append the rest. Raises TargetRefused, and
        what the log raises."""
        filled = Filled(partition)
        end = await self._log.end(partition)
        for run in self._source.runs(partition):
            known = min(run.until, end) - run.offset
            if known > 0:
                await self._compare(partition, run, run.offset + known)
                filled.found += known
            rest = run.behind(end)
            if rest.until > rest.offset:
                await self._append(partition, rest)
                filled.appended += len(rest.records)
                filled.void += rest.void
            tell(run.until - run.offset)
        return filled

    async def _append(self, partition: int, run: Run) -> None:
        if run.records:
            base = await self._log.append(partition, run.offset, run.records)
        else:
            base = await self._log.append_void(partition, run.offset, run.void)
        if base != run.offset:
            raise TargetRefused(
                f"somebody else writes to the log: partition {partition} went on to offset {base} "
                f"while offset {run.offset} was to be imported. "
                + await self._others(partition, run.offset)
            )

    async def _compare(self, partition: int, run: Run, until: int) -> None:
        """The target's records of a run, from its start up to before `until`."""
        expected = dict(enumerate(run.records, run.offset))
        found: set[int] = set()
        reading = read_records(self._log, partition, start=run.offset, until=until)
        async with aclosing(reading) as slices:
            async for records in slices:
                for record in records:
                    if not record.counts:
                        continue
                    own = expected.get(record.offset)
                    if own is None or (own.key, own.value) != (record.key, record.value):
                        raise await self._differs(partition, record.offset)
                    found.add(record.offset)
        if run.records and len(found) != until - run.offset:
            missing = next(one for one in range(run.offset, until) if one not in found)
            raise await self._differs(partition, missing)

    async def _differs(self, partition: int, offset: int) -> TargetRefused:
        return TargetRefused(
            f"the log differs from the export from partition {partition}, offset {offset} on. "
            + await self._others(partition, offset)
        )

    async def _others(self, partition: int, offset: int) -> str:
        """Who wrote there, and how to begin again."""
        claimed = await self._claimed(partition, offset)
        return f"{claimed}To begin again, stop every instance and delete {self._place}"

    async def _claimed(self, partition: int, offset: int) -> str:
        """A sentence about the instance that has claimed the partition from there on, if any."""
        read = await self._log.read(partition, offset, records_max=100)
        for record in read.records:
            fact = _fact(record)
            if isinstance(fact, WriterClaimed):
                return f"The instance {fact.instance} at {fact.url} has claimed it. "
        return ""


def _fact(record: Record) -> object:
    try:
        return Codec().decode(record)[1] if record.counts else None
    except LedgerError:
        return None
