"""What tables of the read models are made of."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, SmallInteger, Text
from sqlalchemy import text as sql
from sqlalchemy.schema import SchemaItem

metadata = MetaData(naming_convention={"pk": "%(table_name)s_pkey"})

_BYTES_ORDER = Text().with_variant(Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    """A text, compared by its UTF-8 bytes."""
    return Column(name, _BYTES_ORDER, nullable=null, primary_key=key)


def number(name: str, *, null: bool = False) -> Column[int]:
    """A whole number of 64 bits."""
    return Column(name, BigInteger, nullable=null)


def scale() -> Column[int]:
    """The decimals of the quantities in the row."""
    return Column("scale", SmallInteger, nullable=False)


def position() -> list[SchemaItem]:
    """The place of a record in the log, as the key of the table."""
    return [
        Column("partition", Integer, primary_key=True, autoincrement=False),
        Column("log_offset", BigInteger, primary_key=True, autoincrement=False),
    ]


def last_position() -> list[SchemaItem]:
    """The record that changed the row last."""
    return [Column("partition", Integer, nullable=False), number("log_offset")]


def index(name: str, *columns: Column[str] | Column[int], where: str | None = None) -> Index:
    """An index, perhaps over some rows only."""
    condition = None if where is None else sql(where)
    return Index(name, *columns, postgresql_where=condition, sqlite_where=condition)
