"""Facts become documents and facts again, and nothing is lost or added on the way."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given

from ledger.domain import codes, quantities
from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused
from ledger.domain.stock import is_available, split_key
from ledger.domain.supply import OrderReceived
from ledger.errors import LevelUnsupported, UndecodableRecord
from ledger.events import envelope
from ledger.events.codec import Starts, command_type, encode, encode_moved, event_type, fingerprint
from ledger.events.decoding import Codec
from ledger.log import Record
from tests import builders as make
from tests.given import given as given_past
from tests.unit.ledger.events.facts import facts, moved, refused

SOURCE = "/stockledger/test"
PREVHASH = "ab" * 32


def record_of(fact: Fact, value: bytes | None = None) -> Record:
    """The record in which a fact lies."""
    key, written = encode(fact, SOURCE, PREVHASH)
    return Record(fact.offset, fact.offset, key, value or written, fact.recorded_ms)


def _entry(account: str, quantity: str, after: int, scale: int) -> dict[str, Any]:
    if account.startswith("@"):
        return {"account": account, "quantity": quantity}
    location, lot, status = split_key(account)
    on_hand = quantities.text(after, scale)
    return {
        "location": location,
        "lot": lot,
        "status": status,
        "quantity": quantity,
        "on_hand": on_hand,
        "available": on_hand if is_available(account) else "0",
    }


def _supply(noted: OrderReceived, scale: int) -> dict[str, Any]:
    known = ("on_order", "ordered", "received", "over") if noted.open else ("on_order",)
    figures = {name: quantities.text(getattr(noted, name), scale) for name in known}
    return {
        "id": noted.id, "order_offset": noted.order_offset, "open": noted.open, **figures
    }  # fmt: skip


def _document(fact: Moved) -> dict[str, Any]:
    """The document of a movement, field by field, in the order in which it is written."""
    kind = f"stock.{command_type(fact.command)}.v1"
    quantity = quantities.text(fact.quantity, fact.scale)
    actor = {} if fact.actor is None else {"actor": fact.actor}
    late = {"late": True} if fact.late else {}
    reverses = {"reverses_offset": fact.reverses_offset} if fact.reverses_offset >= 0 else {}
    original = {"original_offset": fact.original_offset} if fact.original_offset >= 0 else {}
    return {
        "specversion": "1.0",
        "type": kind,
        "source": SOURCE,
        "datacontenttype": "application/json",
        "dataschema": f"urn:stockledger:schema:{kind}",
        "time": codes.instant_text(fact.recorded_ms * 1000),
        **actor,
        "id": fact.id,
        "subject": fact.sku,
        "prevhash": PREVHASH,
        "data": {
            "command": fact.command,
            "quantity": quantity,
            "scale": fact.scale,
            "occurred_at": codes.instant_text(fact.occurred_us),
            "entries": [
                _entry(fact.source, f"-{quantity}", fact.source_after, fact.scale),
                _entry(fact.target, quantity, fact.target_after, fact.scale),
            ],
            "value": quantities.text(fact.value, 6),
            "cost_basis": fact.cost_basis,
            **late,
            **reverses,
            **original,
            **({} if fact.supply is None else {"supply": _supply(fact.supply, fact.scale)}),
            **({} if fact.trail is None else {"trail": msgspec.Raw(fact.trail)}),
        },
    }


@given(moved())
def test_the_hand_written_document_is_what_msgspec_writes(fact: Moved) -> None:
    """To the byte, whatever quotes, backslashes and scripts the names hold."""
    time = codes.instant_text(fact.recorded_ms * 1000)
    starts = Starts(SOURCE, time, fact.actor, fact.trail)
    written = encode_moved(fact, starts, PREVHASH)
    assert written == msgspec.json.encode(_document(fact))
    assert encode(fact, SOURCE, PREVHASH) == (fact.sku.encode(), written)


@given(facts)
def test_what_is_written_is_read(fact: Fact) -> None:
    """Every fact of every type comes back equal, with the hash it continues."""
    assert Codec().decode(record_of(fact)) == (PREVHASH, fact)


@given(facts)
def test_every_document_is_a_cloud_event(fact: Fact) -> None:
    """The required attributes are there, and the key is the subject."""
    record = record_of(fact)
    document = json.loads(record.value)
    assert document["specversion"] == "1.0"
    for name in ("id", "source", "type", "subject", "time", "dataschema"):
        assert isinstance(document[name], str)
        assert document[name]
    assert document["type"] == event_type(fact)
    assert document["subject"].encode() == record.key
    assert document["type"] in envelope.DATA_TYPES


@given(refused)
def test_a_refusal_keeps_its_numbers(fact: Refused) -> None:
    """The figures behind a refusal are the facts of demand that was not met."""
    document = json.loads(record_of(fact).value)
    assert document["data"].get("numbers", {}) == fact.numbers


@pytest.mark.parametrize(
    "value",
    [
        b"", b"{", b"null", b"[]", b"\xff", b"{}", b'{"id":1}', b"[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_document(value: bytes) -> None:
    """A record that counts and cannot be read stops its partition; it is never skipped."""
    with pytest.raises(UndecodableRecord, match="offset 7"):
        Codec().decode(Record(7, 7, b"A", value, 0))


def _changed(**changes: Any) -> bytes:
    fact = given_past().when(make.receipt("6")).then()
    document = json.loads(encode(fact, SOURCE, PREVHASH)[1])
    for path, value in changes.items():
        place = document
        *parents, last = path.split("__")
        for name in parents:
            place = place[int(name) if name.isdigit() else name]
        place[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "stock.unheard_of.v1"}, {"type": "stock.receipt.v2"}, {"time": "yesterday"},
        {"data__quantity": "x"}, {"data__quantity": 6}, {"data__scale": "0"},
        {"data__value": "1e3"}, {"data__occurred_at": ""}, {"data__entries": []},
        {"data__entries__1__location": "@x"}, {"data__entries__1__on_hand": "six"},
        {"data__command__type": "gift"}, {"data__command__colour": "red"}, {"prevhash": None},
        {"data__value": "1000000000001"}, {"data__scale": -1}, {"data__scale": 7},
        # No number is padded to so many digits.
        {"data__scale": 1_000}, {"data__scale": 10**10}, {"data__scale": 10**19},
    ],
)  # fmt: skip
def test_what_is_no_event(changes: dict[str, Any]) -> None:
    """An unknown type, a number that is none, an account that is none, a field nobody knows."""
    with pytest.raises(UndecodableRecord):
        Codec().decode(Record(7, 7, b"A", _changed(**changes), 0))


def test_a_field_that_a_newer_version_added_is_no_harm() -> None:
    """Outside the command new fields may come; older instances read on."""
    _, fact = Codec().decode(Record(0, 0, b"A", _changed(data__colour="red", extension="x"), 0))
    assert isinstance(fact, Moved)


def test_a_level_that_this_version_does_not_know() -> None:
    """It says so, instead of reading what it might misunderstand."""
    beyond = envelope.LEVEL_SUPPORTED + 1
    for fact in (LevelRaised(7, beyond, 0), Opened(0, "id", 0, 1, "murmur2", "EUR", beyond, 0)):
        with pytest.raises(LevelUnsupported, match=str(beyond)):
            Codec().decode(record_of(fact))


def test_a_fingerprint_is_the_content() -> None:
    """Equal for equal commands, and different for every field that differs."""
    base = make.receipt("6", id="a")
    same = make.receipt("6", id="a")
    assert fingerprint(base) == fingerprint(same)
    for change in ({"quantity": "7"}, {"location": "B"}, {"lot": "L"}, {"note": "n"}, {"id": "b"}):
        assert fingerprint(base) != fingerprint(msgspec.structs.replace(base, **change))
    assert fingerprint(base) != fingerprint(make.adjustment("6", id="a"))
