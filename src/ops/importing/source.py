"""A full export, read and proved: every hash, the dense offsets, the chain to the last head."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from ledger.domain.facts import PARTITIONER, Opened
from ledger.errors import LedgerError
from ledger.events.chain import GENESIS
from ledger.events.decoding import Codec
from ledger.log import BATCH_VALUE_BYTES_MAX, NewRecord, Record
from ops.console import CommandError, ExitCode
from ops.exporting.lines import decode_line
from ops.exporting.links import Links
from ops.exporting.manifest import File, Manifest, Range, log_file, read_manifest

RUN_RECORDS_MAX = 2_000


class Run(NamedTuple):
    """Offsets from `offset` on that hold either these records, or `void` times nothing."""

    offset: int
    records: Sequence[NewRecord]
    void: int = 0

    @property
    def until(self) -> int:
        """The offset behind it."""
        return self.offset + len(self.records) + self.void

    def behind(self, offset: int) -> "Run":
        """What of it lies from an offset on."""
        skipped = min(max(0, offset - self.offset), self.until - self.offset)
        return Run(
            self.offset + skipped,
            self.records[skipped:] if self.records else (),
            self.void - skipped if self.void else 0,
        )


class ExportDamaged(CommandError):
    """An export is not what its manifest says: it was cut short or altered."""

    def __init__(self, detail: str) -> None:
        """Say where."""
        super().__init__(f"the export is damaged: {detail}", ExitCode.FOUND_WRONG)


class Source:
    """An export that can be imported, as its manifest says; the files are read by `runs`."""

    def __init__(self, folder: Path) -> None:
        """Read the manifest. Raises CommandError if it is of no whole log."""
        self.folder = folder
        self.manifest = read_manifest(folder)
        _check_whole(self.manifest)
        self._files = {one.name: one for one in self.manifest.files}

    def range_of(self, partition: int) -> Range:
        """What the manifest says of a partition."""
        return self.manifest.ranges[partition]

    def runs(self, partition: int) -> Iterator[Run]:
        """All of a partition in its order, and behind the last one all that the manifest says of it
        is proved. Raises ExportDamaged where it is not so."""
        name = log_file(partition)
        reading = _Reading(
            self.folder / name, self._files[name], self.range_of(partition), self.manifest
        )
        try:
            yield from reading.runs()
        except FileNotFoundError:
            raise ExportDamaged(f"{name} is missing") from None
        except OSError as error:
            raise ExportDamaged(f"{name} cannot be read: {error.strerror}") from error

    def prove(self, partition: int) -> None:
        """Read a partition to its end. Raises ExportDamaged."""
        for _ in self.runs(partition):
            pass


def _check_whole(manifest: Manifest) -> None:
    """Raises CommandError."""
    if manifest.contents != "log" or manifest.encoding != "ndjson":
        raise CommandError(
            f"this is an export of {manifest.contents} as {manifest.encoding}, made to be "
            "analysed; only a full export as ndjson can be imported"
        )
    partitions = [one.partition for one in manifest.ranges]
    whole = partitions == list(range(manifest.partitions)) and all(
        one.from_offset == 0 and one.until_offset > 0 for one in manifest.ranges
    )
    if not manifest.complete or manifest.sku is not None or not whole:
        raise CommandError(
            "this is an export of a part of a log; only one of all partitions from their first "
            "offset on can be imported"
        )
    if manifest.partitioner != PARTITIONER:
        raise CommandError(f"the partitioner {manifest.partitioner} is not known here")
    names = sorted(one.name for one in manifest.files)
    if names != [log_file(partition) for partition in partitions]:
        raise ExportDamaged("the manifest does not name one file for each partition")
    if any(one.from_head != GENESIS for one in manifest.ranges):
        raise ExportDamaged("the manifest lets a partition begin in the middle of its chain")


class _Reading:
    """One file from its start to its end."""

    def __init__(self, path: Path, expected: File, of: Range, manifest: Manifest) -> None:
        self._path = path
        self._expected = expected
        self._range = of
        self._manifest = manifest
        self._links = Links(of.partition, of.from_head)
        self._hash = hashlib.sha256()
        self._rows = self._bytes = 0
        self._next = of.from_offset

    def runs(self) -> Iterator[Run]:
        """Raises ExportDamaged, OSError."""
        first, records, size = self._next, list[NewRecord](), 0
        with self._path.open("rb") as lines:
            for line in lines:
                before = self._next
                offset, record = self._take(line)
                length = len(record.key) + len(record.value)
                full = len(records) == RUN_RECORDS_MAX or size + length > BATCH_VALUE_BYTES_MAX
                if records and (full or offset != before):
                    yield Run(first, records)
                    first, records, size = before, [], 0
                if offset != before:
                    yield from _voids(before, offset)
                    first = offset
                records.append(record)
                size += length
        if records:
            yield Run(first, records)
        self._finish()
        yield from _voids(self._next, self._range.until_offset)

    def _take(self, line: bytes) -> tuple[int, NewRecord]:
        """A line's offset and record, if it goes on from what was read before."""
        self._hash.update(line)
        self._rows += 1
        self._bytes += len(line)
        if not line.endswith(b"\n"):
            raise self._damaged("the line is cut off")
        try:
            read = decode_line(line)
            record = read.record()
            offset = read.offset
            if not self._next <= offset < self._range.until_offset:
                raise self._damaged(
                    f"offset {offset} is none of those from {self._next} to "
                    f"{self._range.until_offset - 1}"
                )
            self._links.accept(offset, record.key, record.value)
            if self._rows == 1:
                self._check_opened(Record(offset, offset, record.key, record.value, 0))
        except (msgspec.MsgspecError, ValueError, RecursionError, LedgerError) as error:
            raise self._damaged(str(error)) from error
        self._next = offset + 1
        return offset, record

    def _check_opened(self, record: Record) -> None:
        """The first record says what the manifest says of the ledger. Raises LedgerError."""
        _, fact = Codec().decode(record)
        if not isinstance(fact, Opened) or fact.offset != 0:
            raise self._damaged("the partition does not begin with ledger.opened")
        for name in ("ledger_id", "partitions", "partitioner", "currency"):
            own, stated = getattr(fact, name), getattr(self._manifest, name)
            if own != stated:
                raise self._damaged(
                    f"the record has the {name} {own}, and the manifest says {stated}"
                )
        if fact.partition != self._range.partition:
            raise self._damaged(f"the record is that of partition {fact.partition}")

    def _finish(self) -> None:
        """Behind the last line: what the manifest says of the whole."""
        expected, of = self._expected, self._range
        if self._rows != expected.rows or self._rows != of.counting or self._rows != of.rows:
            raise ExportDamaged(
                f"{expected.name} ends behind {self._rows} lines, at offset {self._next}; the "
                f"manifest says {expected.rows} lines and {of.counting} records"
            )
        if self._links.head != of.until_head:
            raise ExportDamaged(
                f"{expected.name}: the chain of partition {of.partition} ends with another head "
                "than the manifest says"
            )
        if self._hash.hexdigest() != expected.sha256:
            raise ExportDamaged(
                f"{expected.name} has another SHA-256 than the manifest says, though its chain is "
                "whole: something beside the records was altered"
            )
        if of.counting + of.void != of.until_offset or self._bytes != expected.bytes:
            raise ExportDamaged(
                f"{expected.name} has {self._bytes} bytes and leaves out "
                f"{of.until_offset - of.counting} offsets; the manifest says {expected.bytes} and "
                f"{of.void}"
            )

    def _damaged(self, why: str) -> ExportDamaged:
        return ExportDamaged(
            f"{self._path.name}, line {self._rows}, partition {self._range.partition}, offset "
            f"{self._next} expected: {why}"
        )


def _voids(start: int, until: int) -> Iterator[Run]:
    while start < until:
        count = min(until - start, RUN_RECORDS_MAX)
        yield Run(start, (), count)
        start += count
