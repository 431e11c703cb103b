"""Records of a CSV, NDJSON or Parquet file, one by one, each with the line it begins on."""

import csv
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from decimal import Decimal
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

from ops.console import CommandError

if TYPE_CHECKING:
    import polars

Format = Literal["csv", "ndjson", "parquet"]

GZIP_MAGIC = b"\x1f\x8b"
LINE_BYTES_MAX = 1024 * 1024
_ESCAPE = b"\\u"
PARQUET_ROWS_AT_ONCE = 20_000
_FORMATS: dict[str, Format] = {
    ".csv": "csv",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}


class LineError(Exception):
    """One record cannot be made into a movement; the others can."""


class Row(NamedTuple):
    """A record: where it begins, and its values by column, or what is wrong with it."""

    line: int
    values: dict[str, Any]
    problem: str | None = None


class Source(NamedTuple):
    """An open file: its columns (None where records may differ), rows, and bytes read so far."""

    columns: list[str] | None
    rows: Iterator[Row]
    position: Callable[[], int]


def file_format(path: Path) -> Format:
    """The format by the file's name; `.gz` may follow."""
    name = path.name.lower().removesuffix(".gz")
    for suffix, kind in _FORMATS.items():
        if name.endswith(suffix):
            return kind
    raise CommandError(
        f"{path}: expected a name that ends with {', '.join(_FORMATS)}, with or without .gz; "
        'or set source.format = "csv" in the mapping'
    )


def identity(path: Path) -> str:
    """The SHA-256 of the file's content; compressed or not, it is the same."""
    try:
        with path.open("rb") as raw, _uncompressed(raw) as stream:
            # The type of the parameter names a reader that gzip's own class only looks like.
            return hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
    except (OSError, EOFError, zlib.error) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None


@contextmanager
def open_rows(path: Path, kind: Format, encoding: str, delimiter: str) -> Iterator[Source]:
    """Open a file for one pass from its first record on."""
    with ExitStack() as stack:
        if kind == "parquet":
            yield _open_parquet(path)
            return
        raw = stack.enter_context(path.open("rb"))
        stream = stack.enter_context(_uncompressed(raw))
        if kind == "ndjson":
            yield Source(None, _ndjson(stream), raw.tell)
            return
        try:
            text = TextIOWrapper(stream, encoding, errors="surrogateescape", newline="")
        except (LookupError, ValueError):
            raise CommandError(f"there is no encoding {encoding!r}") from None
        stack.enter_context(text)
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            columns = _header(path, reader)
        except UnicodeError as error:
            raise CommandError(f"{path} is not in the encoding {encoding}: {error}") from None
        yield Source(columns, _csv(path, reader, columns), raw.tell)


@contextmanager
def _uncompressed(raw: IO[bytes]) -> Iterator[IO[bytes]]:
    compressed = raw.read(2) == GZIP_MAGIC
    raw.seek(0)
    if not compressed:
        yield raw
        return
    with gzip.GzipFile(fileobj=raw) as stream:
        yield stream  # type: ignore[misc]  # a GzipFile is an IO[bytes] in all but name


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    try:
        columns = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise CommandError(f"{path}: the line of column names is broken: {error}") from None
    if not any(columns):
        raise CommandError(f"{path}: there is no line of column names")
    doubled = sorted({name for name in columns if columns.count(name) > 1})
    if doubled:
        raise CommandError(f"{path}: the column {doubled[0]} is there twice")
    return columns


def _csv(path: Path, reader: Any, columns: list[str]) -> Iterator[Row]:
    width = len(columns)
    while True:
        line = reader.line_num + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, {}, str(error))
            continue
        except UnicodeError as error:
            # Not every encoding can go on behind bytes that are none of it.
            raise CommandError(f"{path}, from line {line} on: {error}") from None
        if not values:
            continue
        if len(values) != width:
            yield Row(line, {}, f"{len(values)} values for {width} columns")
        elif not _encodable(values):
            yield Row(line, {}, "not in the encoding of the file")
        else:
            yield Row(line, dict(zip(columns, values, strict=True)))


def _encodable(values: list[str]) -> bool:
    text = "".join(values)
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ndjson(stream: IO[bytes]) -> Iterator[Row]:
    line = 0
    while data := stream.readline(LINE_BYTES_MAX + 1):
        line += 1
        if len(data) > LINE_BYTES_MAX:
            while data and not data.endswith(b"\n"):
                data = stream.readline(LINE_BYTES_MAX)
            yield Row(line, {}, f"longer than {LINE_BYTES_MAX} bytes")
            continue
        if not data.strip():
            continue
        try:
            # A number with a point stays the text it is written as, so it stays exact.
            values = json.loads(data, parse_float=str, parse_constant=str)
            if _ESCAPE in data:
                # Half of a pair may be written as an escape, and is no character.
                json.dumps(values, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            yield Row(line, {}, f"no JSON: {error}")
            continue
        if isinstance(values, dict):
            yield Row(line, values)
        else:
            yield Row(line, {}, "no JSON object")


def _brief(error: BaseException) -> str:
    """What polars says; of a panic, that it was one, since its words are of polars' own lines."""
    return str(error) if isinstance(error, Exception) else "polars broke off reading it"


def _collected(path: Path, some: "polars.LazyFrame") -> "polars.DataFrame":
    from polars.exceptions import PanicException, PolarsError

    try:
        return some.collect()
    # A panic is no Exception.
    except (OSError, PolarsError, PanicException) as error:
        raise CommandError(f"{path} is damaged: {_brief(error)}") from None


def _open_parquet(path: Path) -> Source:
    try:
        import polars
    except ImportError:
        raise CommandError("Parquet needs the extra: pip install 'stockledger[parquet]'") from None
    try:
        frame = polars.scan_parquet(path)
        columns = frame.collect_schema().names()
    except (OSError, polars.exceptions.PolarsError, polars.exceptions.PanicException) as error:
        raise CommandError(f"{path} is no Parquet file: {_brief(error)}") from None
    read = 0

    def rows() -> Iterator[Row]:
        nonlocal read
        while True:
            part = _collected(path, frame.slice(read, PARQUET_ROWS_AT_ONCE))
            if part.is_empty():
                return
            for values in part.iter_rows(named=True):
                read += 1
                yield Row(read, values)

    count = int(_collected(path, frame.select(polars.len())).item())
    size = path.stat().st_size
    return Source(columns, rows(), lambda: size * read // max(count, 1))


def text(value: Any) -> str:
    """A value as trimmed text; nothing is the empty text."""
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:  # noqa: PLR0124 - only NaN differs from itself
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal):
        # The shortest decimal that reads back to the same number, never with an exponent.
        plain = format(Decimal(repr(value)) if isinstance(value, float) else value, "f")
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise LineError("a list or object cannot be used as a text")
