"""Bytes → fact, through the upcasters where a type is retired."""

import msgspec

from ledger.domain import codes, quantities
from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.stock import stock_key
from ledger.errors import LevelUnsupported, UndecodableRecord
from ledger.events import envelope as shape
from ledger.events.upcasters import UPCASTERS, Upcaster, upcast
from ledger.log import Record

_decode_envelope = msgspec.json.Decoder(shape.Envelope).decode
_decoders: dict[type[shape.Data], msgspec.json.Decoder[shape.Data]] = {
    kind: msgspec.json.Decoder(kind) for kind in set(shape.DATA_TYPES.values())
}


class Codec:
    """Reads records. `upcasters` may be replaced in tests."""

    __slots__ = ("_upcasters", "level")

    def __init__(self, upcasters: dict[str, tuple[str, Upcaster]] | None = None) -> None:
        """`level` is the highest level of events that this version can read."""
        self._upcasters = UPCASTERS if upcasters is None else upcasters
        self.level = shape.LEVEL_SUPPORTED

    def decode(self, record: Record) -> tuple[str, Fact]:
        """The `prevhash` and the fact of a counting record.

        Raises UndecodableRecord, and LevelUnsupported for a log raised beyond this version.
        """
        try:
            head = _decode_envelope(record.value)
            kind = shape.DATA_TYPES.get(head.type)
            if kind is None:
                kind, raw = self._upcast(head)
            else:
                raw = head.data
            data = _decoders[kind].decode(raw)
            fact = _fact(head, data, record.offset)
        except (msgspec.MsgspecError, ValueError, KeyError, RecursionError) as error:
            raise UndecodableRecord(f"offset {record.offset}: {error}") from error
        if isinstance(fact, LevelRaised | Opened):
            self._check_level(fact)
        return head.prevhash, fact

    def _upcast(self, head: shape.Envelope) -> tuple[type[shape.Data], bytes]:
        if head.type not in self._upcasters:
            raise ValueError(f"unknown event type {head.type}")
        event_type, data = upcast(head.type, msgspec.json.decode(head.data), self._upcasters)
        head.type = event_type
        return shape.DATA_TYPES[event_type], msgspec.json.encode(data)

    def _check_level(self, fact: LevelRaised | Opened) -> None:
        level = fact.level if isinstance(fact, LevelRaised) else fact.format
        if level > self.level:
            raise LevelUnsupported(
                f"the log was raised to level {level}; this version reads up to {self.level}"
            )


def _milliseconds(time: str) -> int:
    microseconds = codes.instant(time)
    if not isinstance(microseconds, int):
        raise ValueError(f"{time} is no instant")  # noqa: TRY004 - a refusal as a value
    return microseconds // 1000


def _integer(number: str | None, scale: int) -> int:
    if number is None:
        return 0
    if scale == 0:
        return int(number)
    result = quantities.scaled(number, scale)
    if not isinstance(result, int):
        raise ValueError(f"{number} is no quantity of scale {scale}")  # noqa: TRY004
    return result


def _account(entry: shape.Entry) -> str:
    account, location = entry.account, entry.location
    if account is not None:
        if account[:1] != "@":
            raise ValueError(f"{account} is no virtual account")
        return account
    if location and location[0] != "@" and entry.lot is None and entry.status == "available":
        return location
    key = stock_key(location or "", entry.lot, entry.status)
    if not isinstance(key, str):
        raise ValueError(key.detail)  # noqa: TRY004
    return key


def _moved(head: shape.Envelope, data: shape.MovedData, offset: int) -> Moved:
    scale = data.scale
    source, target = data.entries
    value = quantities.scaled(data.value, quantities.COST_SCALE)
    occurred_us = codes.instant(data.occurred_at)
    if not isinstance(value, int) or not isinstance(occurred_us, int):
        raise ValueError("value or occurred_at is malformed")  # noqa: TRY004
    return Moved(
        offset,
        data.command,
        head.id,
        head.subject,
        _integer(data.quantity, scale),
        scale,
        _account(source),
        _account(target),
        _integer(source.on_hand, scale),
        _integer(target.on_hand, scale),
        value,
        data.cost_basis,
        occurred_us,
        _milliseconds(head.time),
        data.late,
        head.actor,
        data.reverses_offset,
    )


def _fact(head: shape.Envelope, data: shape.Data, offset: int) -> Fact:
    recorded_ms = _milliseconds(head.time)
    match data:
        case shape.RefusedData():
            return Refused(
                offset,
                head.id,
                head.subject,
                data.type,
                data.fingerprint,
                data.code,
                data.detail,
                data.numbers,
                recorded_ms,
                data.quantity,
                data.location,
                head.actor,
            )
        case shape.ItemDefinedData():
            return ItemDefined(offset, head.id, head.subject, data.item, recorded_ms, head.actor)
        case shape.OpenedData():
            return Opened(
                offset,
                data.ledger_id,
                data.partition,
                data.partitions,
                data.partitioner,
                data.currency,
                data.format,
                recorded_ms,
            )
        case shape.WriterClaimedData():
            return WriterClaimed(offset, data.instance, data.url, recorded_ms)
        case shape.LevelRaisedData():
            return LevelRaised(offset, data.level, recorded_ms, head.actor)
        case shape.MovedData():
            return _moved(head, data, offset)
