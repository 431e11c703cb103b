"""Movements and refusals as rows, and a movement's fact out of its row again."""

from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import RowMapping

from ledger.domain.facts import Moved, Refused
from ledger.domain.movements import WireCommand
from ledger.domain.stock import split_key, stock_key
from ledger.events.decoding import CommandBytes
from ledger.events.documents import movement_document

Row = tuple[object, ...]

_encode = msgspec.json.Encoder().encode
_decode_command = msgspec.json.Decoder(WireCommand).decode


def movement_row(partition: int, moved: Moved, document: CommandBytes) -> Row:
    """The row of the table `movements`, its columns in their order.

    `document` is the command as the log has it.
    """
    command = moved.command
    source, source_lot, source_status = account_parts(moved.source)
    target, target_lot, target_status = account_parts(moved.target)
    reference = command.reference
    if reference is None:
        reference_type = reference_id = None
    else:
        reference_type, reference_id = reference.type, reference.id
    reverses_offset = moved.reverses_offset
    return (
        partition,
        moved.offset,
        moved.recorded_ms,
        moved.occurred_us,
        moved.quantity,
        moved.source_after,
        moved.target_after,
        moved.value,
        moved.scale,
        moved.late,
        type_name(type(command)),
        moved.cost_basis,
        moved.actor,
        trail_text(moved.trail),
        source,
        source_status,
        target,
        target_status,
        source_lot or target_lot,
        moved.sku,
        moved.id,
        reference_type,
        reference_id,
        getattr(command, "reason", None),
        str(document, "utf-8"),
        None if reverses_offset < 0 else command.reverses,  # type: ignore[union-attr]
        None if reverses_offset < 0 else reverses_offset,
        None,
    )


def trail_text(trail: bytes | None) -> str | None:
    """The column of a trail."""
    return None if trail is None else trail.decode()


def refusal_row(partition: int, refused: Refused) -> Row:
    """The row of the table `refusals`, its columns in their order."""
    return (
        partition,
        refused.offset,
        refused.recorded_ms,
        refused.id,
        refused.sku,
        refused.type,
        refused.fingerprint,
        refused.code,
        refused.detail,
        _encode(refused.numbers).decode(),
        refused.quantity,
        refused.location,
        refused.actor,
        trail_text(refused.trail),
    )


def moved_of(row: RowMapping) -> Moved:
    """The fact that a row of `movements` was made from."""
    return Moved(
        row["log_offset"],
        _decode_command(row["command"]),
        row["id"],
        row["sku"],
        row["quantity"],
        row["scale"],
        _key(row["source"], row["lot"], row["source_status"]),
        _key(row["target"], row["lot"], row["target_status"]),
        row["source_after"],
        row["target_after"],
        row["value"],
        row["cost_basis"],
        row["occurred_us"],
        row["recorded_ms"],
        row["late"],
        row["actor"],
        -1 if row["reverses_offset"] is None else row["reverses_offset"],
        trail=None if row["trail"] is None else row["trail"].encode(),
    )


def document_of(row: RowMapping) -> dict[str, Any]:
    """The `movement` of an answer; `reversed_by` is the position of its reversal, or None."""
    partition, reversal = row["partition"], row["reversed_by"]
    document = movement_document(moved_of(row), partition)
    document["reversed_by"] = (
        None if reversal is None else {"partition": partition, "offset": reversal}
    )
    return document


@lru_cache(maxsize=65_536)
def account_parts(key: str) -> tuple[str, str | None, str | None]:
    """Location (or virtual account), lot, and the status where the account is real."""
    if key[0] == "@":
        return key, None, None
    return split_key(key)


def _key(account: str, lot: str | None, status: str | None) -> str:
    """The account as facts name it."""
    if status is None:
        return account
    key = stock_key(account, lot, status)
    if not isinstance(key, str):
        raise AssertionError(f"{account} came out of a fact that was read: {key.detail}")  # noqa: TRY004
    return key


_type_names: dict[type, str] = {}


def type_name(kind: type) -> str:
    """The name of a movement type on the wire, by the class of its command."""
    name = _type_names.get(kind)
    if name is None:
        name = _type_names[kind] = str(kind.__struct_config__.tag)  # type: ignore[attr-defined]
    return name
