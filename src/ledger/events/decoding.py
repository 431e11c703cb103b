"""Bytes → fact, through the upcasters where a type is retired."""

from functools import lru_cache

import msgspec

from ledger.domain import codes, quantities
from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.domain.stock import stock_key
from ledger.errors import LevelUnsupported, UndecodableRecord
from ledger.events import envelope as shape
from ledger.events.upcasters import UPCASTERS, Upcaster, upcast
from ledger.log import Record

_decode_envelope = msgspec.json.Decoder(shape.Envelope).decode
_decoders: dict[type[shape.Data], msgspec.json.Decoder[shape.Data]] = {
    kind: msgspec.json.Decoder(kind) for kind in set(shape.DATA_TYPES.values())
}
_MOVED_TYPES = frozenset(
    event_type for event_type, kind in shape.DATA_TYPES.items() if kind is shape.MovedData
)


class _MovedEnvelope(msgspec.Struct, gc=False):
    """An event that is a movement, read in one pass: nearly every record of a log is one."""

    id: str
    type: str
    subject: str
    time: str
    prevhash: str
    data: shape.MovedData
    actor: str | None = None


_decode_moved = msgspec.json.Decoder(_MovedEnvelope).decode


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
            moved = _decode_moved(record.value)
            if moved.type in _MOVED_TYPES:
                return moved.prevhash, _moved(moved, moved.data, record.offset)
        except msgspec.ValidationError:
            # Another kind of event, or something wrong, which the long way says precisely.
            pass
        except (msgspec.MsgspecError, ValueError, KeyError, RecursionError) as error:
            raise UndecodableRecord(f"offset {record.offset}: {error}") from error
        return self._decode_other(record)

    def _decode_other(self, record: Record) -> tuple[str, Fact]:
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
        if type(fact) is LevelRaised or type(fact) is Opened:
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


@lru_cache(maxsize=4_096)
def _milliseconds(time: str) -> int:
    return _microseconds(time) // 1000


@lru_cache(maxsize=65_536)
def _microseconds(time: str) -> int:
    microseconds = codes.instant(time)
    if type(microseconds) is Rejected:
        raise ValueError(f"{time} is no instant")
    return microseconds


@lru_cache(maxsize=65_536)
def _value(number: str) -> int:
    value = quantities.scaled(number, quantities.COST_SCALE)
    if type(value) is Rejected:
        raise ValueError(f"{number} is no value")
    return value


def _integer(number: str | None, scale: int) -> int:
    if number is None:
        return 0
    if scale == 0:
        return int(number)
    result = quantities.scaled(number, scale)
    if type(result) is Rejected:
        raise ValueError(f"{number} is no quantity of scale {scale}")
    return result


def _account(entry: shape.Entry) -> str:
    account, location = entry.account, entry.location
    if account is not None:
        if account[:1] != "@":
            raise ValueError(f"{account} is no virtual account")
        return account
    if location and location[0] != "@" and entry.lot is None and entry.status == "available":
        return location
    return _key(location or "", entry.lot, entry.status)


@lru_cache(maxsize=65_536)
def _key(location: str, lot: str | None, status: str | None) -> str:
    key = stock_key(location, lot, status)
    if type(key) is Rejected:
        raise ValueError(key.detail)
    return key


def _moved(head: shape.Envelope | _MovedEnvelope, data: shape.MovedData, offset: int) -> Moved:
    scale = data.scale
    source, target = data.entries
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
        _value(data.value),
        data.cost_basis,
        _microseconds(data.occurred_at),
        _milliseconds(head.time),
        data.late,
        head.actor,
        data.reverses_offset,
        data.original_offset,
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
