"""Fact → bytes (decoding.py goes back).

The one hot function here is `encode_moved`, which writes the document by hand. A test holds its
bytes against what msgspec makes of the same document, field by field.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from hashlib import sha256

import msgspec

from ledger.domain import codes, quantities
from ledger.domain.facts import (
    Fact,
    LevelRaised,
    Moved,
    Opened,
    Refused,
    WriterClaimed,
)
from ledger.domain.items import DefineItem, ItemDefined
from ledger.domain.memo import Memo
from ledger.domain.movements import MovementCommand, Reversal
from ledger.domain.stock import is_available, split_key
from ledger.domain.supply import (
    SupplyCommand,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)
from ledger.events import envelope as shape
from ledger.events.levels import event_type_of
from ledger.events.supply import received_data, supply_data, supply_type
from ledger.events.trails import trail_text

_encode_json = msgspec.json.Encoder().encode


@lru_cache(maxsize=16_384)
def _string(value: str) -> str:
    """A JSON string literal."""
    return _encode_json(value).decode()


def fingerprint(command: MovementCommand | Reversal | DefineItem | SupplyCommand) -> str:
    """What makes two commands the same: 128 bits over the normalised command as it was sent."""
    return sha256(_encode_json(command)).hexdigest()[:32]


def command_type(command: MovementCommand | Reversal) -> str:
    """The movement type's name on the wire."""
    return str(type(command).__struct_config__.tag)


def _entry_start(account: str) -> tuple[str, bool]:
    """The JSON of an entry up to its quantity, and whether what lies there is available."""
    if account[0] == "@":
        return f'{{"account":{_string(account)},"quantity":"', False
    location, lot, status = split_key(account)
    lot_json = "null" if lot is None else _string(lot)
    start = f'{{"location":{_string(location)},"lot":{lot_json},"status":"{status}","quantity":"'
    return start, is_available(account)


_entry_starts = Memo(_entry_start)


@lru_cache(maxsize=4_096)
def envelope_start(event_type: str, source: str, time: str, actor: str | None) -> str:
    """The part of an envelope that the events of one batch share."""
    actor_json = "" if actor is None else f'"actor":{_string(actor)},'
    return (
        f'{{"specversion":"{shape.SPECVERSION}","type":"{event_type}","source":{_string(source)},'
        f'"datacontenttype":"{shape.JSON}","dataschema":"{shape.dataschema(event_type)}",'
        f'"time":"{time}",{actor_json}"id":'
    )


class Starts(dict[type, str]):
    """Command class → the start of its event's envelope, for one time of recording and request."""

    def __init__(
        self, source: str, time: str, actor: str | None, trail: bytes | None = None
    ) -> None:
        """`time` is the canonical text of the instant at which the events are recorded; `trail`
        the JSON of how they came, which is made once for all of them."""
        super().__init__()
        self.source = source
        self.time = time
        self.actor = actor
        self.trail = trail_text(trail)

    def __missing__(self, kind: type) -> str:
        """Make the start the first time a type of movement comes."""
        start = envelope_start(event_type_of(kind), self.source, self.time, self.actor)
        self[kind] = start
        return start


@lru_cache(maxsize=256)
def starts_of(source: str, recorded_ms: int, actor: str | None, trail: bytes | None) -> Starts:
    """The same for all events of one time and request, however many slices they are decided in."""
    return Starts(source, codes.instant_text(recorded_ms * 1000), actor, trail)


# By scale, the text of a scaled integer.
_texts: Sequence[Callable[[int], str]] = (
    str,
    *(partial(quantities.text, scale=scale) for scale in range(1, quantities.SCALE_MAX + 1)),
)


def encode_moved(fact: Moved, starts: Starts, prevhash: str) -> bytes:
    """The document of a movement that continues the chain at `prevhash`."""
    command, scale = fact.command, fact.scale
    source, target = fact.source, fact.target
    # Each number stands there two or three times, and a text is put in faster than an integer.
    text = _texts[scale]
    number = text(fact.quantity)
    start, free = _entry_starts[source]
    if source[0] == "@":
        taken = f'{start}-{number}"}}'
    else:
        left = text(fact.source_after)
        taken = f'{start}-{number}","on_hand":"{left}","available":"{left if free else 0}"}}'
    start, free = _entry_starts[target]
    if target[0] == "@":
        put = f'{start}{number}"}}'
    else:
        held = text(fact.target_after)
        put = f'{start}{number}","on_hand":"{held}","available":"{held if free else 0}"}}'
    identity, sku = fact.id, fact.sku
    # Names hold no control characters, so only these two need an escape.
    id_json = _string(identity) if '"' in identity or "\\" in identity else f'"{identity}"'
    sku_json = _string(sku) if '"' in sku or "\\" in sku else f'"{sku}"'
    more = ',"late":true' if fact.late else ""
    if fact.reverses_offset >= 0:
        more = f'{more},"reverses_offset":{fact.reverses_offset}'
    if fact.original_offset >= 0:
        more = f'{more},"original_offset":{fact.original_offset}'
    if fact.supply is not None:
        more = f'{more},"supply":{_encode_json(received_data(fact.supply, scale)).decode()}'
    return (
        f'{starts[type(command)]}{id_json},"subject":{sku_json},"prevhash":"{prevhash}","data":{{'
        f'"command":{_encode_json(command).decode()},"quantity":"{number}","scale":{scale},'
        f'"occurred_at":"{command.occurred_at or starts.time}","entries":[{taken},{put}],'
        f'"value":"{quantities.cost_text(fact.value)}","cost_basis":"{fact.cost_basis}"{more}{starts.trail}}}}}'
    ).encode()


def event_type(fact: Fact) -> str:
    """The CloudEvents type a fact is written as."""
    if type(fact) is Moved:
        return event_type_of(type(fact.command))
    return _data_of(fact)[0]


def _data_of(fact: Fact) -> tuple[str, str, str, shape.Data]:
    """Type, id, subject and data of every fact that is not a movement."""
    match fact:
        case Refused():
            data: shape.Data = shape.RefusedData(
                fact.type,
                fact.fingerprint,
                fact.code,
                fact.detail,
                fact.numbers,
                fact.quantity,
                fact.location,
            )
            return shape.REFUSED, fact.id, fact.sku, data
        case ItemDefined():
            return shape.ITEM_DEFINED, fact.id, fact.sku, shape.ItemDefinedData(fact.item)
        case SupplyOrderPlaced() | SupplyOrderChanged() | SupplyOrderClosed():
            return supply_type(fact), fact.id, fact.sku, supply_data(fact)
        case Opened():
            data = shape.OpenedData(
                fact.ledger_id,
                fact.partition,
                fact.partitions,
                fact.partitioner,
                fact.currency,
                fact.format,
            )
            identity = f"{fact.ledger_id}-opened-{fact.partition}"
            return shape.OPENED, identity, f"partition-{fact.partition}", data
        case WriterClaimed():
            identity = f"claim-{fact.instance}-{fact.offset}"
            data = shape.WriterClaimedData(fact.instance, fact.url)
            return shape.WRITER_CLAIMED, identity, "ledger", data
        case LevelRaised():
            data = shape.LevelRaisedData(fact.level)
            return shape.LEVEL_RAISED, f"level-{fact.level}-{fact.offset}", "ledger", data
        case Moved():
            raise AssertionError("movements are written by encode_moved")


def encode(fact: Fact, source: str, prevhash: str) -> tuple[bytes, bytes]:
    """Key and document of a fact. `source` names the ledger: `/stockledger/{ledger id}`."""
    if type(fact) is Moved:
        starts = starts_of(source, fact.recorded_ms, fact.actor, fact.trail)
        return fact.sku.encode(), encode_moved(fact, starts, prevhash)
    time = codes.instant_text(fact.recorded_ms * 1000)
    event_type, identity, subject, data = _data_of(fact)
    actor, trail = getattr(fact, "actor", None), getattr(fact, "trail", None)
    # Every `data` that may have a trail has another member before it.
    members = _encode_json(data).decode()[:-1]
    value = (
        f"{envelope_start(event_type, source, time, actor)}{_string(identity)},"
        f'"subject":{_string(subject)},"prevhash":"{prevhash}",'
        f'"data":{members}{trail_text(trail)}}}}}'
    ).encode()
    return subject.encode(), value
