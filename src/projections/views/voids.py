"""Records that lie in the log and do not count, as rows: an audit asks for them too.

They are no history. A row says what such a record seems to be, as far as it can be read; anybody
who may write to the topic may have written it.
"""

from ledger.domain import codes, quantities
from ledger.domain.facts import Fact, Moved
from ledger.errors import LedgerError
from ledger.events.codec import event_type
from ledger.events.decoding import Codec
from ledger.log import Record
from projections.views.movement_rows import account_parts

Row = tuple[object, ...]
_INT64_MAX = 2**63 - 1
_UNREADABLE: Row = (None,) * 8
_decode = Codec().decode


# Decoding takes much of an event for granted that a ledger wrote; this may come from anybody, and
# nothing in it may stop the views.
_UNREADABLE_BY: tuple[type[Exception], ...] = (
    LedgerError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def void_row(partition: int, record: Record) -> Row:
    """The row of the table `void_records`, its columns in their order."""
    stated = record.stated
    return (
        partition,
        record.offset,
        None if stated is None or stated > _INT64_MAX else stated,
        record.timestamp_ms,
        _text(record.key.decode(errors="replace"), codes.SKU_LENGTH_MAX),
        *_read(record),
    )


def _read(record: Record) -> Row:
    """What the record would have been: type, id, actor, and of a movement what it would move."""
    try:
        _, fact = _decode(record)
        return _said(fact)
    except _UNREADABLE_BY:
        return _UNREADABLE


def _said(fact: Fact) -> Row:
    identity, actor = getattr(fact, "id", None), getattr(fact, "actor", None)
    return (
        event_type(fact),
        None if identity is None else _text(identity, codes.ID_LENGTH_MAX),
        None if actor is None else _text(actor, codes.ID_LENGTH_MAX),
        *_moved(fact),
    )


def _moved(fact: Fact) -> Row:
    if type(fact) is not Moved:
        return (None,) * 5
    source, source_lot, source_status = account_parts(fact.source)
    target, target_lot, target_status = account_parts(fact.target)
    return (
        quantities.text(fact.quantity, fact.scale),
        _text(source, codes.LOCATION_LENGTH_MAX),
        _text(target, codes.LOCATION_LENGTH_MAX),
        _text(source_lot or target_lot or "", codes.LOT_LENGTH_MAX) or None,
        source_status or target_status,
    )


def _text(text: str, length_max: int) -> str:
    """What a database can hold, and not more than a good one would be."""
    return text[:length_max].replace("\0", "\ufffd")
