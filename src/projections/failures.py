"""What stopped a projector: kept where operators and other processes can read it."""

from typing import Any

import msgspec
from sqlalchemy import Column, Integer, Table, select

from ledger.errors import LedgerError
from ledger.log import Record
from projections.checkpoints import VIEW_GROUP
from projections.database import ReadConnection
from projections.statements import Upsert
from projections.table_parts import metadata, number, text
from projections.tables import view_positions

_TEXT_CHARACTERS_MAX = 500

# One row a partition of a group: the record at `position` could not be taken in. It holds as long
# as the group is there; who gets on leaves the row behind without a meaning.
view_failures = Table(
    "view_failures",
    metadata,
    text("view_group", key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    number("position"),
    text("fault"),
    text("why"),
    text("record_type", null=True),
    text("record_id", null=True),
    text("sku", null=True),
    number("noticed_ms"),
)
FAILURES_UPSERT = Upsert(
    view_failures,
    **{
        column.name: f"excluded.{column.name}"
        for column in view_failures.columns
        if not column.primary_key
    },
)


class RecordName(msgspec.Struct, frozen=True):
    """What can be read of a record, however broken: type and id of the event, and the SKU."""

    type: str | None
    id: str | None
    sku: str | None


class Failure(msgspec.Struct, frozen=True):
    """The record at `offset` stopped the views: `fault` is the kind, `why` a sentence."""

    offset: int
    fault: str
    why: str
    record: RecordName | None = None

    @property
    def sentence(self) -> str:
        """Why, and at which record."""
        if self.record is None:
            return self.why
        named = (
            self.record.type,
            self.record.id and f"id {self.record.id}",
            self.record.sku and f"SKU {self.record.sku}",
        )
        return f"{self.why} ({', '.join(filter(None, named)) or 'the record is not readable'})"


class _Envelope(msgspec.Struct):
    id: Any = None
    type: Any = None


_decode = msgspec.json.Decoder(_Envelope).decode


def failure_of(offset: int, error: Exception, record: Record | None = None) -> Failure:
    """An error at an offset, and the record that lies there, if that could be read."""
    why = str(error) if isinstance(error, LedgerError) else repr(error)
    return Failure(offset, type(error).__name__, why, None if record is None else name_of(record))


def name_of(record: Record) -> RecordName:
    """What can be read of a record."""
    try:
        envelope = _decode(record.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        envelope = _Envelope()
    sku = record.key.decode("utf-8", "replace")
    return RecordName(_short(envelope.type), _short(envelope.id), _short(sku))


def failure_row(partition: int, failure: Failure, now_ms: int) -> tuple[object, ...]:
    """The row of the table, its columns in their order."""
    record = failure.record or RecordName(None, None, None)
    why = failure.why[:_TEXT_CHARACTERS_MAX].replace("\0", "�")
    return (
        VIEW_GROUP, partition, failure.offset, failure.fault, why,
        record.type, record.id, record.sku, now_ms,
    )  # fmt: skip


async def read_failures(reader: ReadConnection) -> dict[int, Failure]:
    """The partitions that are stopped, whichever process noticed."""
    table, at = view_failures.c, view_positions.c
    query = (
        select(view_failures, at.position.label("reached"))
        .outerjoin(
            view_positions,
            (at.view_group == table.view_group) & (at.partition == table.partition),
        )
        .where(table.view_group == VIEW_GROUP)
        .order_by(table.partition)
    )
    return {
        row["partition"]: Failure(
            row["position"],
            row["fault"],
            row["why"],
            _name(row["record_type"], row["record_id"], row["sku"]),
        )
        for row in await reader.all(query)
        if row["position"] >= (row["reached"] or 0)
    }


def _name(*parts: str | None) -> RecordName | None:
    return RecordName(*parts) if any(parts) else None


def _short(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        return None
    return name[:_TEXT_CHARACTERS_MAX].replace("\0", "�")
