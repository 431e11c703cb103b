"""Statements that write many rows at once, made from the tables for either database."""

from collections.abc import Sequence
from functools import cached_property

from sqlalchemy import BigInteger, Boolean, Column, Integer, SmallInteger, Table, Text

_POSTGRES_TYPES = (
    (BigInteger, "bigint"),
    (SmallInteger, "smallint"),
    (Integer, "integer"),
    (Boolean, "boolean"),
    (Text, "text"),
)


def column_names(table: Table) -> list[str]:
    """The names of a table's columns in their order, which is the order of its rows."""
    return [column.name for column in table.columns]


def _array_type(column: Column[object]) -> str:
    for kind, name in _POSTGRES_TYPES:
        if isinstance(column.type, kind):
            return f"{name}[]"
    raise AssertionError(f"{column} has a type that no statement writes")


def unnest(columns: Sequence[Column[object]], first: int = 1) -> str:
    """`unnest($1::bigint[], …)`: rows out of one array a column."""
    arrays = (f"${number}::{_array_type(column)}" for number, column in enumerate(columns, first))
    return f"unnest({', '.join(arrays)})"


class Upsert:
    """Insert rows; where the key is there already, set columns to the given expressions.

    In an expression `excluded` is the row that was to be inserted.
    """

    def __init__(self, table: Table, **assignments: str) -> None:
        """Expressions by the name of the column they set."""
        self.table = table
        self._assignments = assignments

    @cached_property
    def postgresql(self) -> str:
        """Takes one array a column."""
        columns = list(self.table.columns)
        return f"{self._into} SELECT * FROM {unnest(columns)} {self._on_conflict}"  # noqa: S608

    def from_table(self, source: str) -> str:
        """For PostgreSQL: takes the rows of another table with the same columns."""
        columns = ", ".join(column_names(self.table))
        return f"{self._into} SELECT {columns} FROM {source} {self._on_conflict}"  # noqa: S608

    @cached_property
    def sqlite(self) -> str:
        """Takes one row."""
        marks = ", ".join("?" for _ in self.table.columns)
        return f"{self._into} VALUES ({marks}) {self._on_conflict}"

    @property
    def _into(self) -> str:
        return f"INSERT INTO {self.table.name} ({', '.join(column_names(self.table))})"

    @property
    def _on_conflict(self) -> str:
        key = ", ".join(column.name for column in self.table.primary_key)
        sets = ", ".join(f"{name} = {value}" for name, value in self._assignments.items())
        return f"ON CONFLICT ({key}) DO UPDATE SET {sets}"
