"""Movements as rows of PostgreSQL's binary COPY format, packed by hand.

Same columns and values as `movement_rows.movement_row`, but ready to be sent: packing straight
from the fact takes half the time of making a tuple for the driver to encode, and a row waiting to
be written is one string of bytes. https://www.postgresql.org/docs/current/sql-copy.html
"""

import struct
from collections.abc import Iterator, Sequence

from ledger.domain.facts import Moved
from ledger.domain.memo import Memo
from ledger.domain.movements import Adjustment, Reference, Scrap
from ledger.events.decoding import CommandBytes
from projections.tables import movements
from projections.views.movement_rows import account_parts, type_name

SIGNATURE = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
ROWS_A_CHUNK = 500

_COLUMNS = len(movements.columns)
_NULL = b"\xff\xff\xff\xff"
_NO_REFERENCE = _NULL * 2
_WITH_REASON = frozenset({Adjustment, Scrap})
_NOT_REVERSING = _NULL * 3

_length = struct.Struct(">i").pack
_number = struct.Struct(">iq").pack
_head = struct.Struct(">hiiiqiqiqiqiqiqiq").pack
_scale_late = struct.Struct(">ihi?").pack


def movement_bytes(partition: int, moved: Moved, document: CommandBytes) -> bytes:
    """The row of the table `movements`. `document` is the command as the log has it."""
    command = moved.command
    kind = type(command)
    sku = moved.sku.encode()
    identity = moved.id.encode()
    reference = command.reference
    trail = moved.trail
    return b"".join(
        (
            _head(
                _COLUMNS,
                4,
                partition,
                8,
                moved.offset,
                8,
                moved.recorded_ms,
                8,
                moved.occurred_us,
                8,
                moved.quantity,
                8,
                moved.source_after,
                8,
                moved.target_after,
                8,
                moved.value,
            ),
            _kinds[kind, moved.scale, moved.late, moved.cost_basis, moved.actor],
            _NULL if trail is None else _length(len(trail)) + trail,
            _accounts[moved.source, moved.target],
            _length(len(sku)),
            sku,
            _length(len(identity)),
            identity,
            _NO_REFERENCE if reference is None else _reference(reference),
            _names[command.reason] if kind in _WITH_REASON else _NULL,  # type: ignore[union-attr]
            _length(len(document)),
            document,
            _NOT_REVERSING if moved.reverses_offset < 0 else _reversing(moved),
        )
    )


def copy_stream(rows: Sequence[bytes]) -> Iterator[bytes]:
    """What COPY reads, in chunks of `ROWS_A_CHUNK` rows."""
    yield SIGNATURE
    for start in range(0, len(rows), ROWS_A_CHUNK):
        yield b"".join(rows[start : start + ROWS_A_CHUNK])
    yield TRAILER


def packed(value: str | None) -> bytes:
    """A text field."""
    if value is None:
        return _NULL
    data = value.encode()
    return _length(len(data)) + data


def _kind(key: tuple[type, int, bool, str, str | None]) -> bytes:
    kind, scale, late, cost_basis, actor = key
    return (
        _scale_late(2, scale, 1, late)
        + packed(type_name(kind))
        + packed(cost_basis)
        + packed(actor)
    )


def _both_accounts(key: tuple[str, str]) -> bytes:
    source, source_lot, source_status = account_parts(key[0])
    target, target_lot, target_status = account_parts(key[1])
    fields = (source, source_status, target, target_status, source_lot or target_lot)
    return b"".join(map(packed, fields))


# Reason codes and types of references.
_names = Memo(packed, 4_096)
_kinds = Memo(_kind, 4_096)
_accounts = Memo(_both_accounts, 100_000)


def _reference(reference: Reference) -> bytes:
    identity = reference.id.encode()
    return _names[reference.type] + _length(len(identity)) + identity


def _reversing(moved: Moved) -> bytes:
    reverses = getattr(moved.command, "reverses", None)
    return packed(reverses) + _number(8, moved.reverses_offset) + _NULL
