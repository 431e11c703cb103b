"""What becomes of the counting records of a range: lines of the log, or rows of movements."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ledger.domain.facts import Moved
from ledger.events.chain import GENESIS, Chain
from ledger.log import Record
from ops.exporting.files import OutputFile
from ops.exporting.lines import lines_of
from ops.exporting.links import Links
from ops.exporting.manifest import Encoding, File, log_file
from ops.exporting.movements import row_of
from ops.exporting.tables import CsvTable, ParquetTable, Table


class Sink(Protocol):
    """Takes one partition after the other. Raises ChainBroken, UndecodableRecord, OSError."""

    @property
    def head(self) -> str:
        """The hash of the last record that was taken, or the head that the range began with."""
        ...

    def begin(self, partition: int, head: str) -> None:
        """A range begins behind the record whose hash is `head`."""
        ...

    def take(self, records: Sequence[Record]) -> int:
        """The next counting records; how many rows were made of them."""
        ...

    def finish(self) -> list[File]:
        """Bring all to the disk; the files there are."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


def open_sink(encoding: Encoding, folder: Path, sku: str | None) -> Sink:
    """What writes an export of that kind into a folder, of one SKU or of all. Raises OSError."""
    key = None if sku is None else sku.encode()
    if encoding == "ndjson":
        return LogSink(folder, key)
    table = CsvTable(folder) if encoding == "csv" else ParquetTable(folder)
    return MovementSink(table, key)


class LogSink:
    """A file for each partition, a line for each record."""

    def __init__(self, folder: Path, key: bytes | None) -> None:
        """`key` chooses the records of one SKU."""
        self._folder = folder
        self._key = key
        self._links = Links(0, GENESIS)
        self._file: OutputFile | None = None
        self._files: list[File] = []

    @property
    def head(self) -> str:
        """See `Sink`."""
        return self._links.head

    def begin(self, partition: int, head: str) -> None:
        """See `Sink`."""
        self._end_file()
        self._links = Links(partition, head)
        self._file = OutputFile(self._folder / log_file(partition))

    def take(self, records: Sequence[Record]) -> int:
        """See `Sink`."""
        assert self._file is not None
        self._links.accept_all(records)
        if self._key is not None:
            records = [record for record in records if record.key == self._key]
        self._file.write(lines_of(records), len(records))
        return len(records)

    def finish(self) -> list[File]:
        """See `Sink`."""
        self._end_file()
        return self._files

    def close(self) -> None:
        """See `Sink`."""
        if self._file is not None:
            self._file.close()

    def _end_file(self) -> None:
        if self._file is not None:
            self._files.append(self._file.finish())


class MovementSink:
    """Rows of a table. Every record is decoded; those that are no movement leave no row."""

    def __init__(self, table: Table, key: bytes | None) -> None:
        """`key` chooses the movements of one SKU."""
        self._table = table
        self._key = key
        self._chain = Chain(0)

    @property
    def head(self) -> str:
        """See `Sink`."""
        return self._chain.head

    def begin(self, partition: int, head: str) -> None:
        """See `Sink`."""
        self._chain = Chain(partition, head)

    def take(self, records: Sequence[Record]) -> int:
        """See `Sink`."""
        accept, partition, chosen = self._chain.accept, self._chain.partition, self._key
        rows = []
        for record in records:
            fact = accept(record)
            if type(fact) is Moved and (chosen is None or record.key == chosen):
                rows.append(row_of(partition, fact))
        self._table.write(rows)
        return len(rows)

    def finish(self) -> list[File]:
        """See `Sink`."""
        return self._table.finish()

    def close(self) -> None:
        """See `Sink`."""
        self._table.close()
