"""The documents of the topic of levels, CloudEvents 1.0 in structured mode: written and read."""

from typing import Any

import msgspec

from ledger.domain import codes, quantities
from ledger.domain.rejections import Rejected
from ledger.events import envelope as shape
from ledger.log import NewRecordTuple, Record
from projections.publishers.level_keys import mark_key, parts_of
from projections.publishers.level_state import Level

STOCK_LEVEL = "stock.level.v1"
SITE_LEVEL = "stock.site_level.v1"
LEVELS_PUBLISHED = "stock.levels_published.v1"

# No offset of 64 bits has more, and of thousands Python makes no number.
OFFSET_DIGITS_MAX = 19

_encode = msgspec.json.Encoder().encode


class StockLevelData(msgspec.Struct, gc=False):
    """`data` of `stock.level.v1`: what lies under a stock key since the movement at `position`."""

    sku: str
    location: str
    lot: str | None
    status: str
    on_hand: str
    available: str
    scale: int
    position: str


class SiteLevelData(msgspec.Struct, gc=False):
    """`data` of `stock.site_level.v1`: what a SKU has at a site since the movement at `position`.

    `on_hand` counts every status, `available` what may be promised.
    """

    sku: str
    site: str
    on_hand: str
    available: str
    scale: int
    position: str


class LevelsPublishedData(msgspec.Struct, gc=False):
    """`data` of `stock.levels_published.v1`: a publisher's mark, of no use to anybody else.

    If the record lies at the offset that it states, every level before it is as the movements of
    the partition before `position` made it, and `head` is the hash of the last of their records.
    """

    ledger_id: str
    partition: int
    position: int
    head: str
    instance: str


class _Level(msgspec.Struct, gc=False):
    on_hand: str
    available: str
    scale: int


class _LevelEnvelope(msgspec.Struct, gc=False):
    time: str
    data: _Level


class _MarkEnvelope(msgspec.Struct, gc=False):
    data: LevelsPublishedData


DATA_TYPES: dict[str, Any] = {
    STOCK_LEVEL: StockLevelData,
    SITE_LEVEL: SiteLevelData,
    LEVELS_PUBLISHED: LevelsPublishedData,
}
_decode_level = msgspec.json.Decoder(_LevelEnvelope).decode
_decode_mark = msgspec.json.Decoder(_MarkEnvelope).decode


def position_text(partition: int, offset: int) -> str:
    """A position as headers and documents have it."""
    return f"{partition}:{offset}"


def offset_of(record: Record) -> int | None:
    """The offset in the log that a record of the topic is made from, or None if it is none of
    ours."""
    _, _, offset = (record.position or b"").partition(b":")
    return int(offset) if offset.isdigit() and len(offset) <= OFFSET_DIGITS_MAX else None


def level_record(ledger_id: str, partition: int, key: bytes, level: Level) -> NewRecordTuple:
    """What is published of a key that is not empty."""
    sku, *place = parts_of(key)
    position = position_text(partition, level.offset)
    on_hand = quantities.text(level.on_hand, level.scale)
    available = quantities.text(level.available, level.scale)
    data: StockLevelData | SiteLevelData
    if len(place) == 1:
        kind = SITE_LEVEL
        data = SiteLevelData(sku or "", place[0] or "", on_hand, available, level.scale, position)
    else:
        kind = STOCK_LEVEL
        location, lot, status = place
        data = StockLevelData(
            sku or "", location or "", lot, status or "", on_hand, available, level.scale, position
        )
    time = codes.instant_text(level.recorded_ms * 1000)
    identity = f"{position}/{key.decode()}"
    value = document(ledger_id, kind, (identity, sku or "", time), data)
    return key, value, position.encode()


def tombstone(partition: int, key: bytes, offset: int) -> NewRecordTuple:
    """What is published of a key that was emptied, and is so at `offset`."""
    return key, b"", position_text(partition, offset).encode()


def mark_record(mark: LevelsPublishedData, recorded_ms: int) -> NewRecordTuple:
    """The record that says how far a publisher is."""
    position = position_text(mark.partition, mark.position - 1)
    names = (
        f"{position}/{mark.head[:16]}",
        f"partition-{mark.partition}",
        codes.instant_text(recorded_ms * 1000),
    )
    value = document(mark.ledger_id, LEVELS_PUBLISHED, names, mark)
    return mark_key(mark.partition), value, position.encode()


def document(ledger_id: str, kind: str, names: tuple[str, str, str], data: Any) -> bytes:
    """An event; `names` are its id, its subject and the time at which it was recorded."""
    identity, subject, time = names
    return _encode(
        {
            "specversion": shape.SPECVERSION,
            "id": identity,
            "source": f"/stockledger/{ledger_id}",
            "type": kind,
            "subject": subject,
            "time": time,
            "datacontenttype": shape.JSON,
            "dataschema": shape.dataschema(kind),
            "data": data,
        }
    )


def read_level(value: bytes, offset: int) -> Level:
    """The level in a document made from the movement at `offset`; of a tombstone an empty one.

    Raises ValueError if it is none.
    """
    if not value:
        return Level(0, 0, 0, offset, 0)
    found = _decode_level(value)
    instant = codes.instant(found.time)
    if isinstance(instant, Rejected):
        raise ValueError(instant.detail)  # noqa: TRY004 - the value is wrong, not its type
    scale = found.data.scale
    if not 0 <= scale <= quantities.SCALE_MAX:
        raise ValueError(f"{scale} is no scale")
    on_hand, available = _number(found.data.on_hand, scale), _number(found.data.available, scale)
    return Level(on_hand, available, scale, offset, instant // 1000)


def read_mark(value: bytes) -> LevelsPublishedData:
    """The mark in a document. Raises ValueError if it is none."""
    return _decode_mark(value).data


def _number(text: str, scale: int) -> int:
    negative = text[:1] == "-"
    whole, _, fraction = text[negative:].partition(".")
    digits = whole + fraction.ljust(scale, "0")
    if not whole.isdigit() or not digits.isdigit() or len(fraction) > scale:
        raise ValueError(f"{text} is no quantity of scale {scale}")
    return -int(digits) if negative else int(digits)
