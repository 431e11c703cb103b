"""Ways to tamper with a log: bytes changed, records removed, swapped, inserted, renumbered."""

import random
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ledger.events.chain import GENESIS
from ledger.log import Record

Records = list[Record]


class Mutation(NamedTuple):
    """A partition tampered with. `offset` is the first place at which it is not what it was."""

    kind: str
    records: Records
    offset: int


def _at(record: Record, offset: int, *, restated: bool) -> Record:
    """The record at another offset, stating it or what it stated before."""
    stated = offset if restated and record.counts else record.stated
    return msgspec.structs.replace(record, offset=offset, stated=stated)


def _counting(chance: random.Random, records: Records) -> int:
    return chance.choice([one.offset for one in records if one.counts])


def _other_byte(chance: random.Random, text: bytes) -> bytes:
    at = chance.randrange(len(text))
    other = chance.choice([byte for byte in range(256) if byte != text[at]])
    return text[:at] + bytes([other]) + text[at + 1 :]


def change_value(chance: random.Random, records: Records) -> Mutation:
    """One byte of a document."""
    offset = _counting(chance, records)
    one = records[offset]
    value = _other_byte(chance, one.value)
    records[offset] = msgspec.structs.replace(one, value=value)
    return Mutation("changed", records, offset)


def change_key(chance: random.Random, records: Records) -> Mutation:
    """One byte of a key."""
    offset = _counting(chance, records)
    one = records[offset]
    records[offset] = msgspec.structs.replace(one, key=_other_byte(chance, one.key))
    return Mutation("changed", records, offset)


def change_stated(chance: random.Random, records: Records) -> Mutation:
    """One byte of the header that says for which offset it was decided."""
    offset = _counting(chance, records)
    one = records[offset]
    text = _other_byte(chance, b"%d" % offset)
    canonical = text.isdigit() and (text == b"0" or text[:1] != b"0")
    stated = int(text) if canonical else None
    records[offset] = msgspec.structs.replace(one, stated=stated)
    return Mutation("changed", records, offset)


def remove(chance: random.Random, records: Records) -> Mutation:
    """A record is gone; where it lay is a hole."""
    offset = _counting(chance, records)
    return Mutation("removed", records[:offset] + records[offset + 1 :], offset)


def remove_and_close(chance: random.Random, records: Records) -> Mutation:
    """A record is gone, and the others move up, with or without the offsets that they state."""
    offset = _counting(chance, records)
    restated = chance.random() < 0.5
    rest = [_at(one, one.offset - 1, restated=restated) for one in records[offset + 1 :]]
    return Mutation("removed", records[:offset] + rest, offset)


def cut_off(chance: random.Random, records: Records) -> Mutation:
    """The newest records are gone."""
    offset = _counting(chance, records)
    return Mutation("removed", records[:offset], offset)


def swap(chance: random.Random, records: Records) -> Mutation:
    """Two records change places, with or without the offsets that they state."""
    first, second = sorted((_counting(chance, records), _counting(chance, records)))
    if first == second:
        return swap(chance, records)
    restated = chance.random() < 0.5
    one, other = records[first], records[second]
    records[first] = _at(other, first, restated=restated)
    records[second] = _at(one, second, restated=restated)
    return Mutation("swapped", records, first)


def swap_neighbours(chance: random.Random, records: Records) -> Mutation:
    """Two records that lie side by side change places."""
    counting = [one.offset for one in records if one.counts]
    number = chance.randrange(len(counting) - 1)
    first, second = counting[number], counting[number + 1]
    one, other = records[first], records[second]
    records[first] = _at(other, first, restated=True)
    records[second] = _at(one, second, restated=True)
    return Mutation("swapped", records, first)


def insert(chance: random.Random, records: Records) -> Mutation:
    """Something is put between: a copy, or a copy that continues the chain; the rest moves on."""
    offset = _counting(chance, records)
    new = _at(records[_counting(chance, records)], offset, restated=chance.random() < 0.8)
    if chance.random() < 0.5:
        stated = msgspec.json.decode(records[offset].value).get("prevhash", GENESIS)
        document = msgspec.json.decode(new.value) | {"prevhash": stated}
        new = msgspec.structs.replace(new, value=msgspec.json.encode(document))
    restated = chance.random() < 0.5
    rest = [_at(one, one.offset + 1, restated=restated) for one in records[offset:]]
    return Mutation("inserted", [*records[:offset], new, *rest], offset)


MUTATIONS: tuple[Callable[[random.Random, Records], Mutation], ...] = (
    change_value,
    change_value,
    change_value,
    change_key,
    change_stated,
    remove,
    remove_and_close,
    cut_off,
    swap,
    swap_neighbours,
    insert,
    insert,
)


def tamper(chance: random.Random, records: Records) -> Mutation:
    """One of them, drawn at random, on a copy."""
    return chance.choice(MUTATIONS)(chance, list(records))
