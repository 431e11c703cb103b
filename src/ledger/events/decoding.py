"""Bytes → fact, through the upcasters where a type is retired."""

from functools import lru_cache

import msgspec

from ledger.domain import quantities
from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.memo import Memo
from ledger.domain.movements import WireCommand
from ledger.domain.rejections import Rejected
from ledger.domain.stock import stock_key
from ledger.errors import LevelUnsupported, UndecodableRecord
from ledger.events import envelope as shape
from ledger.events.instants import microseconds
from ledger.events.supply import order_received, supply_fact
from ledger.events.upcasters import UPCASTERS, Upcaster, upcast
from ledger.log import Record

_decode_envelope = msgspec.json.Decoder(shape.Envelope).decode
_decoders: dict[type[shape.Data], msgspec.json.Decoder[shape.Data]] = {
    kind: msgspec.json.Decoder(kind) for kind in set(shape.DATA_TYPES.values())
}
# So many digits are below the limit of a quantity, whatever they are.
_DIGITS_SAFE = len(str(quantities.SCALED_MAX)) - 1
# Of a movement nobody asked for by a request; else its JSON is kept as it is.
_NO_TRAIL = msgspec.Raw()
_MOVED_TYPES = frozenset(
    event_type for event_type, kind in shape.DATA_TYPES.items() if kind is shape.MovedData
)


class _Entry(msgspec.Struct, gc=False):
    """What a fact takes from an entry: not its quantity, which the movement has, nor what is
    available, which follows from the account."""

    account: str | None = None
    location: str | None = None
    lot: str | None = None
    status: str | None = None
    on_hand: str | None = None


class _MovedData(msgspec.Struct, gc=False):
    """`data` of a movement, its command left as the bytes that views keep as they are."""

    command: msgspec.Raw
    quantity: str
    scale: int
    occurred_at: str
    entries: tuple[_Entry, _Entry]
    value: str
    cost_basis: str
    late: bool = False
    reverses_offset: int = -1
    original_offset: int = -1
    supply: shape.OrderReceivedData | None = None
    trail: msgspec.Raw = _NO_TRAIL


class _MovedEnvelope(msgspec.Struct, gc=False):
    """An event that is a movement, read in one pass: nearly every record of a log is one."""

    id: str
    type: str
    subject: str
    time: str
    prevhash: str
    data: _MovedData
    actor: str | None = None


_decode_moved = msgspec.json.Decoder(_MovedEnvelope).decode
_decode_command = msgspec.json.Decoder(WireCommand).decode
_encode = msgspec.json.Encoder().encode
# The JSON of a movement's command; nothing for any other fact.
CommandBytes = bytes | msgspec.Raw


class Codec:
    """Reads records. `upcasters` may be replaced in tests."""

    __slots__ = ("_raw", "_time", "_time_us", "_trail", "_upcasters", "level")

    def __init__(self, upcasters: dict[str, tuple[str, Upcaster]] | None = None) -> None:
        """`level` is the highest level of events that this version can read."""
        self._upcasters = UPCASTERS if upcasters is None else upcasters
        self.level = shape.LEVEL_SUPPORTED
        # Of the movement read last: those of one request have the same trail.
        self._raw, self._trail = _NO_TRAIL, b""
        # Those of one batch were recorded at the same instant.
        self._time, self._time_us = "", 0

    def decode(self, record: Record) -> tuple[str, Fact]:
        """The `prevhash` and the fact of a counting record.

        Raises UndecodableRecord, and LevelUnsupported for a log raised beyond this version.
        """
        prevhash, fact, _ = self.decode_with_command(record)
        return prevhash, fact

    def decode_with_command(self, record: Record) -> tuple[str, Fact, CommandBytes]:
        """The same, and the command of a movement as the record has it.

        The bytes lie in the record, which lives as long as they are held.
        """
        try:
            moved = _decode_moved(record.value)
            if moved.type in _MOVED_TYPES:
                data = moved.data
                command = _decode_command(data.command)
                if (raw := data.trail) is not _NO_TRAIL and raw != self._raw:
                    self._raw, self._trail = raw, bytes(raw)
                trail = None if raw is _NO_TRAIL else self._trail
                if moved.time != self._time:
                    self._time_us = microseconds(moved.time)
                    self._time = moved.time
                movement = _moved(moved, data, command, record.offset, trail, self._time_us)
                return moved.prevhash, movement, data.command
        except msgspec.ValidationError:
            # Another kind of event, or something wrong, which the long way says precisely.
            pass
        except (msgspec.MsgspecError, ValueError, KeyError, RecursionError) as error:
            raise UndecodableRecord(f"offset {record.offset}: {error}") from error
        prevhash, fact = self._decode_other(record)
        return prevhash, fact, _encode(fact.command) if type(fact) is Moved else b""

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


def _scaled(number: str, scale: int) -> int:
    """A decimal at `scale`; in one step where it is short, positive and exact."""
    whole, point, fraction = number.partition(".")
    digits = whole + fraction.ljust(scale, "0")
    if (
        whole
        and (fraction or not point)
        and len(digits) - len(whole) == scale
        and len(digits) <= _DIGITS_SAFE
        and digits.isdigit()
        and digits.isascii()
    ):
        return int(digits)
    result = quantities.scaled(number, scale)
    if type(result) is Rejected:
        raise ValueError(f"{number} is no number of scale {scale}")
    return result


def _value(number: str) -> int:
    return _scaled(number, quantities.COST_SCALE)


_values = Memo(_value, 65_536)


def _account(entry: shape.Entry | _Entry) -> str:
    account = entry.account
    if account is not None:
        if account[:1] != "@":
            raise ValueError(f"{account} is no virtual account")
        return account
    location = entry.location
    if location and entry.lot is None and entry.status == "available" and location[0] != "@":
        return location
    return _key(location or "", entry.lot, entry.status)


@lru_cache(maxsize=65_536)
def _key(location: str, lot: str | None, status: str | None) -> str:
    key = stock_key(location, lot, status)
    if type(key) is Rejected:
        raise ValueError(key.detail)
    return key


def _moved(  # noqa: PLR0913, PLR0917 - on the path of every record that is read
    head: shape.Envelope | _MovedEnvelope,
    data: shape.MovedData | _MovedData,
    command: WireCommand,
    offset: int,
    trail: bytes | None,
    recorded_us: int,
) -> Moved:
    scale = data.scale
    if not 0 <= scale <= quantities.SCALE_MAX:  # before anything is padded to so many digits
        raise ValueError(f"{scale} is no scale")
    source, target = data.entries
    left, held = source.on_hand, target.on_hand
    return Moved(
        offset,
        command,
        head.id,
        head.subject,
        int(data.quantity) if scale == 0 else _scaled(data.quantity, scale),
        scale,
        _account(source),
        _account(target),
        0 if left is None else int(left) if scale == 0 else _scaled(left, scale),
        0 if held is None else int(held) if scale == 0 else _scaled(held, scale),
        _values[data.value],
        data.cost_basis,
        recorded_us if data.occurred_at == head.time else microseconds(data.occurred_at),
        recorded_us // 1000,
        data.late,
        head.actor,
        data.reverses_offset,
        data.original_offset,
        None if data.supply is None else order_received(data.supply, scale),
        trail,
    )


def _fact(  # noqa: PLR0911 - one kind of event a line
    head: shape.Envelope, data: shape.Data, offset: int
) -> Fact:
    recorded_us = microseconds(head.time)
    recorded_ms = recorded_us // 1000
    match data:
        case shape.RefusedData():
            return Refused(
                offset, head.id, head.subject, data.type, data.fingerprint, data.code, data.detail,
                data.numbers, recorded_ms, data.quantity, data.location, head.actor,
                shape.trail_of(data),
            )  # fmt: skip
        case shape.ItemDefinedData():
            return ItemDefined(
                offset,
                head.id,
                head.subject,
                data.item,
                recorded_ms,
                head.actor,
                shape.trail_of(data),
            )
        case shape.SupplyPlacedData() | shape.SupplyChangedData() | shape.SupplyClosedData():
            return supply_fact(head, data, offset, recorded_ms)
        case shape.OpenedData():
            return Opened(
                offset, data.ledger_id, data.partition, data.partitions, data.partitioner,
                data.currency, data.format, recorded_ms,
            )  # fmt: skip
        case shape.WriterClaimedData():
            return WriterClaimed(offset, data.instance, data.url, recorded_ms)
        case shape.LevelRaisedData():
            return LevelRaised(offset, data.level, recorded_ms, head.actor, shape.trail_of(data))
        case shape.MovedData():
            trail = shape.trail_of(data)
            return _moved(head, data, data.command, offset, trail, recorded_us)
