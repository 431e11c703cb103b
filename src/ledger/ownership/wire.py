"""Commands and outcomes as instances send them to each other: MessagePack, compact and exact.

An instance speaks only to instances of its own ledger, perhaps of the version before or after its
own in a rolling upgrade. Unknown fields are skipped and new ones need a default; a kind that this
version does not know makes the whole bundle undecodable, and its sender hears so.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ledger.domain.facts import Command, LevelRaised, Moved, RaiseLevel, Refused
from ledger.domain.items import DefineItem, ItemDefined
from ledger.domain.movements import WireCommand
from ledger.domain.rejections import Rejected
from ledger.domain.supply import (
    ChangeSupplyOrder,
    CloseSupplyOrder,
    PlaceSupplyOrder,
    SupplyOrderChanged,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)
from ledger.events.trails import Trail, encode_trail
from ledger.writer.outcomes import Elsewhere, Outcome, Replayed, Unavailable, Unknown

# A kind and the MessagePack of what it is.
Wrapped = tuple[int, msgspec.Raw]

_COMMAND_KINDS: dict[type, int] = {
    DefineItem: 1,
    RaiseLevel: 2,
    PlaceSupplyOrder: 3,
    ChangeSupplyOrder: 4,
    CloseSupplyOrder: 5,
}
_REPLAYED = 100
# Far more than the names of an operation, an instance and a request take (api/trails.py).
TRAIL_BYTES_MAX: Final = 4_096

encode = msgspec.msgpack.Encoder().encode
# All movements are of kind 0; their type is in them.
_command_decoders: dict[int, msgspec.msgpack.Decoder[Any]] = {
    0: msgspec.msgpack.Decoder(WireCommand),
    **{number: msgspec.msgpack.Decoder(kind) for kind, number in _COMMAND_KINDS.items()},
}

_KINDS: dict[type, int] = {
    Moved: 0,
    ItemDefined: 1,
    Refused: 2,
    LevelRaised: 3,
    Rejected: 4,
    Unknown: 5,
    Unavailable: 6,
    Elsewhere: 7,
    SupplyOrderPlaced: 8,
    SupplyOrderChanged: 9,
    SupplyOrderClosed: 10,
}
_outcome_decoders: dict[int, msgspec.msgpack.Decoder[Any]] = {
    number: msgspec.msgpack.Decoder(kind) for kind, number in _KINDS.items()
}


class Part(msgspec.Struct, array_like=True):
    """Commands of one caller for one partition, in their order.

    `seconds_left` is how long the caller still waits. Versions without a `trail` neither send nor
    look at it.
    """

    partition: int
    actor: str | None
    traceparent: bytes | None
    seconds_left: float
    commands: list[Wrapped]
    trail: bytes | None = None


class Bundle(msgspec.Struct, array_like=True):
    """What goes to one instance at once. It is never sent on, so that nothing can go in circles."""

    ledger_id: str
    sender: str
    parts: list[Part]


class Question(msgspec.Struct, array_like=True):
    """Asked of a partition's owner: the movement that used `id`, or what would become of the one
    command in `commands`."""

    ledger_id: str
    partition: int
    actor: str | None
    id: str
    commands: list[Wrapped]


class PartReply(msgspec.Struct, array_like=True):
    """What became of a part: an outcome for each command, `Elsewhere` where the receiver is not,
    or is no longer, the one to decide it.

    `owner_url` is then where the receiver believes the owner to be; empty if it does not know.
    """

    outcomes: list[Wrapped]
    owner_url: str = ""


class Reply(msgspec.Struct, array_like=True):
    """The answers to a bundle's parts, in their order."""

    parts: list[PartReply]


decode_bundle = msgspec.msgpack.Decoder(Bundle).decode
decode_question = msgspec.msgpack.Decoder(Question).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode
# Fields that a later version may add are skipped, as everywhere between instances.
_decode_trail = msgspec.json.Decoder(Trail).decode


def wrap_commands(commands: Sequence[Command]) -> list[Wrapped]:
    """Commands as a part carries them."""
    return [
        (_COMMAND_KINDS.get(type(command), 0), msgspec.Raw(encode(command))) for command in commands
    ]


def unwrap_commands(wrapped: Sequence[Wrapped]) -> list[Command]:
    """The commands of a part. Raises msgspec.MsgspecError."""
    return [_command(kind, raw) for kind, raw in wrapped]


def unwrap_trail(trail: bytes | None) -> bytes | None:
    """The trail of a part, as it is written into events. Raises msgspec.MsgspecError.

    It becomes a part of history as it stands, so nothing is taken that no ledger writes.
    """
    if trail is None:
        return None
    # First: how deep a field that is skipped may be nested, Python decides, each version otherwise.
    # What is written is never longer.
    if len(trail) > TRAIL_BYTES_MAX:
        raise msgspec.ValidationError(f"a trail has at most {TRAIL_BYTES_MAX} bytes")
    try:
        return encode_trail(_decode_trail(trail))
    except (UnicodeError, RecursionError) as error:
        raise msgspec.ValidationError(f"the trail is malformed: {error}") from None


def _command(kind: int, raw: msgspec.Raw) -> Command:
    decoder = _command_decoders.get(kind)
    if decoder is None:
        raise msgspec.ValidationError(f"no command has the kind {kind}")
    command: Command = decoder.decode(raw)
    return command


def wrap_outcomes(outcomes: Sequence[Outcome]) -> list[Wrapped]:
    """Outcomes as a reply carries them."""
    wrapped = []
    for outcome in outcomes:
        if type(outcome) is Replayed:
            fact = outcome.fact
            wrapped.append((_REPLAYED + _KINDS[type(fact)], msgspec.Raw(encode(fact))))
        else:
            wrapped.append((_KINDS[type(outcome)], msgspec.Raw(encode(outcome))))
    return wrapped


def unwrap_outcomes(wrapped: Sequence[Wrapped]) -> list[Outcome]:
    """The outcomes of a reply. Raises msgspec.MsgspecError."""
    outcomes: list[Outcome] = []
    for kind, raw in wrapped:
        decoder = _outcome_decoders.get(kind % _REPLAYED)
        if decoder is None:
            raise msgspec.ValidationError(f"no outcome has the kind {kind}")
        outcome = decoder.decode(raw)
        outcomes.append(Replayed(outcome) if kind >= _REPLAYED else outcome)
    return outcomes
