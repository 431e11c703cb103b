"""Bodies into commands, straight by msgspec into the classes that the ledger decides on."""

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any, Final, TypeVar, get_args

import msgspec
from uuid6 import uuid7

from api.limits import BULK_COMMAS_PER_ITEM_MAX
from api.problems import Problem
from ledger.domain import codes
from ledger.domain.items import Item
from ledger.domain.movements import Reference, WireCommand
from ledger.domain.quantities import Number
from ledger.domain.supply import PlaceSupplyOrder, Text

# What the decoder says of a body without a byte, too; and of half a surrogate pair near its end.
_TRUNCATED: Final = "Input data was truncated"
# Everything a decoder raises for what a client sent.
DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_one = msgspec.json.Decoder(WireCommand)
_many = msgspec.json.Decoder(list[WireCommand])
_raws = msgspec.json.Decoder(list[msgspec.Raw])
_item = msgspec.json.Decoder(Item)
_TYPES: Final = frozenset(kind.__struct_config__.tag for kind in get_args(WireCommand))
_WRONG_TYPE = re.compile(r"Invalid value '([a-z_]+)' - at `\$\.type`")
_PATH_INDEX = re.compile(r"^(.*) - at `\$\[\d+\]\.?(.*)`$", re.DOTALL)
# Not `splitlines`, which also ends a line at characters that JSON strings may hold.
_FILLED: Final = re.compile(rb"[^ \t\r\n][^\n]*")


class ReversalBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be said about a reversal beside the movement it undoes."""

    id: str | None = None
    reference: Reference | None = None
    occurred_at: str | None = None
    note: str | None = None


class ChangeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be changed about a line of a supply order."""

    id: str | None = None
    quantity: Number | None = None
    expected_at: Text | None = None
    note: str | None = None


class CloseBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why a line of a supply order is closed."""

    reason: Text
    id: str | None = None
    note: str | None = None


_reversal = msgspec.json.Decoder(ReversalBody)
_supply_order = msgspec.json.Decoder(PlaceSupplyOrder)
_change = msgspec.json.Decoder(ChangeBody)
_close = msgspec.json.Decoder(CloseBody)


class _Named(msgspec.Struct):
    id: Any = None


_named = msgspec.json.Decoder(_Named)


class Invalid(msgspec.Struct, gc=False):
    """An item of a bulk that is no command."""

    id: str | None
    detail: str


Entry = WireCommand | Invalid
# Items, and the line that each is in.
Lines = tuple[Sequence[Entry], Sequence[int]]


def new_id() -> str:
    """An id for a command that came without: a UUID that sorts by time."""
    return str(uuid7())


def decode_command(body: bytes) -> WireCommand:
    """One movement."""
    try:
        command: WireCommand = _one.decode(body)
    except DECODE_ERRORS as error:
        raise Problem("invalid_request", explain(error), members=_id_member(body)) from None
    if command.id is None:
        command.id = new_id()
    return command


def decode_item(body: bytes) -> Item:
    """The description of an item."""
    try:
        return _item.decode(body)
    except DECODE_ERRORS as error:
        raise Problem("invalid_request", explain(error)) from None


def decode_reversal(body: bytes) -> ReversalBody:
    """The body of a reversal, which may be empty."""
    if not body:
        return ReversalBody()
    try:
        return _reversal.decode(body)
    except DECODE_ERRORS as error:
        raise Problem("invalid_request", explain(error), members=_id_member(body)) from None


def decode_supply_order(body: bytes) -> PlaceSupplyOrder:
    """One line of a supply order."""
    command = _decoded(_supply_order, body)
    if command.id is None:
        command.id = new_id()
    return command


def decode_change(body: bytes) -> ChangeBody:
    """The body of a change."""
    return _decoded(_change, body)


def decode_close(body: bytes) -> CloseBody:
    """The body of a close."""
    return _decoded(_close, body)


_Decoded = TypeVar("_Decoded")


def _decoded(decoder: msgspec.json.Decoder[_Decoded], body: bytes) -> _Decoded:
    try:
        return decoder.decode(body)
    except DECODE_ERRORS as error:
        raise Problem("invalid_request", explain(error), members=_id_member(body)) from None


def decode_array(body: bytes, items_max: int) -> Sequence[Entry]:
    """The items of a JSON array. Malformed ones are told apart only where there are any."""
    try:
        commands: list[WireCommand] = _many.decode(body)
    except DECODE_ERRORS:
        return _decode_array_slowly(body, items_max)
    _check_count(len(commands), items_max)
    return commands


def _decode_array_slowly(body: bytes, items_max: int) -> list[Entry]:
    if _has_far_more_than(items_max * BULK_COMMAS_PER_ITEM_MAX, body):
        raise Problem("too_large", f"the array has far more than {items_max} items")
    try:
        raws = _raws.decode(body)
    except DECODE_ERRORS as error:
        raise Problem("invalid_request", explain(error)) from None
    _check_count(len(raws), items_max)
    return [_decode_entry(bytes(raw)) for raw in raws]


def _has_far_more_than(commas: int, body: bytes) -> bool:
    """Whether so many commas stand between values, or more texts than go with them."""
    if body.count(b",") <= commas:
        return False
    plain = body.replace(rb"\\", b"").replace(rb"\"", b"")
    if plain.count(b'"') > 2 * commas:
        return True
    return sum([part.count(b",") for part in plain.split(b'"')[::2]]) > commas


def decode_lines(body: bytes, items_max: int) -> Lines:
    """The items of newline-delimited JSON, and the line of each, from 1; blank lines are skipped,
    but counted as lines."""
    lines = body.count(b"\n") + (not body.endswith(b"\n"))
    # Between two lines an item ends, else one may span lines and another share one, and the numbers
    # of lines would be wrong.
    joints = body.count(b"}\n{") or body.count(b"}\r\n{")
    if lines > items_max or joints + 1 != lines:
        return _decode_lines_slowly(body, items_max)
    try:
        commands: list[WireCommand] = _one.decode_lines(body)
    except DECODE_ERRORS:
        return _decode_lines_slowly(body, items_max)
    if len(commands) != lines:
        return _decode_lines_slowly(body, items_max)
    _check_count(len(commands), items_max)
    return commands, range(1, len(commands) + 1)


def _decode_lines_slowly(body: bytes, items_max: int) -> Lines:
    # One after the other: there may be many millions, and nobody else is served meanwhile.
    found = [*islice(_FILLED.finditer(body), items_max + 1)]
    _check_count(len(found), items_max)
    numbers, number, last = [], 1, 0
    for line in found:
        number += body.count(b"\n", last, line.start())
        last = line.start()
        numbers.append(number)
    return [_decode_entry(line[0]) for line in found], numbers


def _decode_entry(raw: bytes) -> Entry:
    try:
        command: WireCommand = _one.decode(raw)
    except DECODE_ERRORS as error:
        return Invalid(_id_of(raw), explain(error))
    return command


def _check_count(count: int, items_max: int) -> None:
    if count == 0:
        raise Problem("invalid_request", "a bulk has at least one item")
    if count > items_max:
        raise Problem("too_large", f"more than {items_max} items", members={"items_max": items_max})


def _id_of(raw: bytes) -> str | None:
    """The id of something malformed, if it can be made out: it lets the sender find it."""
    try:
        identity = _named.decode(raw).id
    except DECODE_ERRORS:
        return None
    return identity if isinstance(identity, str) and codes.check_id(identity) is None else None


def _id_member(body: bytes) -> dict[str, str]:
    identity = _id_of(body)
    return {} if identity is None else {"id": identity}


def explain(error: Exception) -> str:
    """What is wrong with a document, without a stack and at a readable length."""
    if isinstance(error, UnicodeDecodeError):
        return "the text is not valid UTF-8"
    if isinstance(error, RecursionError):
        return "the document is nested too deeply"
    text = str(error)
    if text == _TRUNCATED:
        return "the document is empty or incomplete"
    match = _PATH_INDEX.match(text)
    if match is not None:
        text = f"{match[1]} - at `$.{match[2]}`" if match[2] else match[1]
    wrong = _WRONG_TYPE.fullmatch(text)
    if wrong is not None and wrong[1] in _TYPES:
        return f"the document has two movement types, one of them '{wrong[1]}'"
    return text[:300]
