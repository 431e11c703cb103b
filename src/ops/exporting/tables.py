"""Rows of movements as CSV or Parquet files."""

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Context, Decimal
from pathlib import Path
from typing import Any, Protocol

from ledger.domain import codes, quantities
from ops.console import CommandError
from ops.exporting.files import OutputFile
from ops.exporting.manifest import File
from ops.exporting.movements import COLUMNS, EXACT, INSTANTS, Exact, Row

# A Parquet file is made in memory, so it ends after so many rows, and the next one begins.
PARQUET_ROWS_MAX = 100_000
# Enough for every quantity and value: 10^18 in the smallest unit, six digits behind the point.
DIGITS_MAX = 38
_CONTEXT = Context(prec=DIGITS_MAX)


class Table(Protocol):
    """Where rows go."""

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows of one partition, in order of their offsets. Raises OSError."""
        ...

    def finish(self) -> list[File]:
        """Bring all to the disk; the files there are. Raises OSError."""
        ...

    def close(self) -> None:
        """Let go of what is open."""
        ...


class CsvTable:
    """One file, UTF-8, with a header line; decimals and instants as in the API, nothing for none.

    Cells are as they are: a spreadsheet may take a name that begins with `=` for a formula.
    """

    def __init__(self, folder: Path) -> None:
        """Begin the file. Raises OSError."""
        self._file = OutputFile(folder / "movements.csv")
        self._header = ",".join(COLUMNS) + "\n"

    def write(self, rows: Sequence[Row]) -> None:
        """Add lines."""
        text = io.StringIO()
        text.write(self._header)
        self._header = ""
        csv.writer(text, lineterminator="\n").writerows(map(_cells, rows))
        self._file.write(text.getvalue().encode(), len(rows))

    def finish(self) -> list[File]:
        """The one file."""
        self.write([])
        return [self._file.finish()]

    def close(self) -> None:
        """Close it."""
        self._file.close()


def _exact(number: Exact) -> str:
    return quantities.text(*number)


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(EXACT, _exact),
    **dict.fromkeys(INSTANTS, codes.instant_text),
    "late": {True: "true", False: "false"}.__getitem__,
}
_SHOWN = [(COLUMNS.index(name), shown) for name, shown in _SPECIAL.items()]


def _cells(row: Row) -> list[Any]:
    """What a line shows; `csv` writes nothing for None."""
    cells: list[Any] = list(row)
    for place, shown in _SHOWN:
        if cells[place] is not None:
            cells[place] = shown(cells[place])
    return cells


class ParquetTable:
    """Files of up to `PARQUET_ROWS_MAX` rows, of one partition each; exact decimals, UTC."""

    def __init__(self, folder: Path) -> None:
        """Nothing yet. Raises CommandError without the extra."""
        try:
            import polars
        except ImportError:
            raise CommandError(
                "Parquet needs the extra: pip install 'stockledger[parquet]'"
            ) from None
        self._polars = polars
        self._folder = folder
        self._rows: list[Row] = []
        self._parts: dict[int, int] = {}
        self._files: list[File] = []

    def write(self, rows: Sequence[Row]) -> None:
        """Add rows, and make a file where there are enough of them."""
        for row in rows:
            full = len(self._rows) >= PARQUET_ROWS_MAX
            if full or (self._rows and self._rows[0].partition != row.partition):
                self._flush()
            self._rows.append(row)

    def finish(self) -> list[File]:
        """One file at least, so that there is always a schema to read."""
        if self._rows or not self._files:
            self._flush()
        return self._files

    def close(self) -> None:
        """Nothing is open between two files."""

    def _flush(self) -> None:
        rows, self._rows = self._rows, []
        partition = rows[0].partition if rows else 0
        part = self._parts[partition] = self._parts.get(partition, -1) + 1
        data = io.BytesIO()
        self._frame(rows).write_parquet(data, compression="zstd")
        file = OutputFile(self._folder / f"movements-{partition:05d}-{part:05d}.parquet")
        with closing(file):
            file.write(data.getvalue(), len(rows))
            self._files.append(file.finish())

    def _frame(self, rows: Sequence[Row]) -> Any:
        polars = self._polars
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(COLUMNS)
        schema = self._schema()
        return polars.DataFrame(
            [
                polars.Series(
                    name, list(map(_decimal, values)) if name in EXACT else list(values), kind
                )
                for (name, kind), values in zip(schema.items(), columns, strict=True)
            ]
        )

    def _schema(self) -> dict[str, Any]:
        polars = self._polars
        exact = polars.Decimal(DIGITS_MAX, quantities.SCALE_MAX)
        special = {
            "partition": polars.Int32,
            **dict.fromkeys(("offset", "reverses_offset", "original_offset"), polars.Int64),
            **dict.fromkeys(EXACT, exact),
            **dict.fromkeys(INSTANTS, polars.Datetime("us", "UTC")),
            "late": polars.Boolean,
        }
        return {name: special.get(name, polars.String) for name in COLUMNS}


def _decimal(number: Exact | None) -> Decimal | None:
    return None if number is None else Decimal(number[0]).scaleb(-number[1], _CONTEXT)
