"""Rows of the views, as they are and as the log makes them, held against each other."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Table, text

from ops.findings import Finding
from projections.database import ReadConnection

Row = tuple[object, ...]
ROWS_AT_A_TIME: Final = 5_000
_TEXT_SHOWN_MAX = 80


class Shape(NamedTuple):
    """The columns of a table that are compared, and how many of them, in front, are its key."""

    table: str
    columns: tuple[str, ...]
    key: int

    @classmethod
    def of(cls, table: Table, *, without: Sequence[str] = ()) -> "Shape":
        """All columns but some, its key in front."""
        keys = [column.name for column in table.primary_key]
        rest = [one.name for one in table.columns if one.name not in {*keys, *without}]
        return cls(table.name, (*keys, *rest), len(keys))

    def order(self, table: Table) -> list[int]:
        """Where each of these columns stands in a row of the table."""
        names = [column.name for column in table.columns]
        return [names.index(name) for name in self.columns]

    def where(self, row: Row) -> str:
        """A row for people: its table and its key."""
        return f"{self.table} {', '.join(map(_shown, row[: self.key]))}"


class Rows:
    """Reads rows; `where` says what is being read, for whoever cannot read it."""

    def __init__(self, reader: ReadConnection) -> None:
        """In the transaction of the reader."""
        self.reader = reader
        self.where = "views"

    async def parts(self, sql: str) -> AsyncIterator[list[Row]]:
        """The rows of a query, some at a time."""
        async for part in self.reader.parts(text(sql), {}, ROWS_AT_A_TIME):
            yield [tuple(row) for row in part]

    async def of(self, shape: Shape, condition: str) -> AsyncIterator[list[Row]]:
        """The rows of a table, some at a time."""
        self.where = shape.table
        columns = ", ".join(shape.columns)
        async for part in self.parts(f"SELECT {columns} FROM {shape.table} WHERE {condition}"):  # noqa: S608
            yield part

    async def all(self, shape: Shape, condition: str) -> list[Row]:
        """All of them at once, where they are few."""
        return [row async for part in self.of(shape, condition) for row in part]


def differing(shape: Shape, there: Iterable[Row], made: Mapping[Row, Row]) -> Iterator[Finding]:
    """What is wrong with rows; `made` is by key what they are to be. All must be there."""
    seen: set[Row] = set()
    for row in there:
        key = row[: shape.key]
        seen.add(key)
        yield from compare(shape, row, made.get(key))
    for key, row in made.items():
        if key not in seen:
            yield from compare(shape, None, row)


def compare(shape: Shape, there: Row | None, made: Row | None) -> Iterator[Finding]:
    """What is wrong with one row."""
    if there == made:
        return
    if there is None:
        assert made is not None
        yield Finding("view_differs", shape.where(made), "the row is missing")
    elif made is None:
        yield Finding("view_differs", shape.where(there), "nothing in the log makes this row")
    else:
        pairs = zip(shape.columns, there, made, strict=True)
        wrong = [
            f"{name} is {_shown(one)}, and the log makes it {_shown(other)}"
            for name, one, other in pairs
            if one != other
        ]
        yield Finding("view_differs", shape.where(there), "; ".join(wrong))


def sentence(error: BaseException) -> str:
    """What went wrong, without the statement and the links that a driver adds."""
    return str(error).partition("\n")[0]


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _TEXT_SHOWN_MAX else f"{shown[:_TEXT_SHOWN_MAX]}…"
