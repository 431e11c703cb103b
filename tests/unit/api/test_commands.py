"""Bodies into commands."""

import json
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from api import commands
from api.commands import (
    Invalid,
    decode_array,
    decode_command,
    decode_item,
    decode_lines,
    decode_reversal,
    decode_supply_order,
)
from api.limits import BULK_COMMAS_PER_ITEM_MAX
from api.problems import Problem
from api.schemas import movements as schemas
from api.schemas import stock as stock_schemas
from api.schemas import supply as supply_schemas
from ledger.domain import items, movements, supply
from tests.unit.api.serving import receipt


def test_the_documented_fields_are_the_commands_fields() -> None:
    """The models only document, so nothing but this test keeps them true."""
    pairs: list[tuple[type[BaseModel], Any]] = [
        (getattr(schemas, name), getattr(movements, name))
        for name in (
            "Receipt", "Transfer", "Pick", "Issue", "CustomerReturn", "SupplierReturn",
            "Adjustment", "Scrap", "StatusChange", "Reversal", "Reference",
        )
    ]  # fmt: skip
    pairs.append((stock_schemas.ItemRequest, items.Item))
    pairs.append((stock_schemas.Supplier, items.Supplier))
    pairs.append((supply_schemas.SupplyOrderRequest, supply.PlaceSupplyOrder))
    pairs.append((supply_schemas.ChangeRequest, commands.ChangeBody))
    pairs.append((supply_schemas.CloseRequest, commands.CloseBody))
    for model, command in pairs:
        fields = {field.name: field for field in msgspec.structs.fields(command)}
        documented = {name: field for name, field in model.model_fields.items() if name != "type"}
        if command is movements.Reference:
            documented = dict(model.model_fields)
        assert documented.keys() == fields.keys(), command
        for name, field in documented.items():
            assert field.is_required() == fields[name].required, (command, name)
        if "type" in model.model_fields and command is not movements.Reference:
            (tag,) = model.model_fields["type"].annotation.__args__  # type: ignore[union-attr]
            assert tag == command.__struct_config__.tag


def test_a_movement_without_id_gets_one() -> None:
    """Ids that are made sort by time."""
    made = [decode_command(json.dumps(receipt()).encode()).id for _ in range(3)]
    assert None not in made
    assert made == sorted(made, key=str)


def test_the_id_of_something_malformed_is_told() -> None:
    """It lets the sender find what he sent; an id that is none is not repeated."""
    for body, members in (
        (b'{"id":"x","type":"teleport"}', {"id": "x"}),
        (b'{"id":5,"type":"teleport"}', {}),
        (b'{"id":" ","type":"teleport"}', {}),
        (b'{"id":"x"', {}),
    ):
        with pytest.raises(Problem) as caught:
            decode_command(body)
        assert caught.value.members == members


TWO_TYPES = b'{"type":"receipt","type":"pick","sku":"A","quantity":"1","location":"MAIN"}'
TWO_TYPES_TOLD = "the document has two movement types, one of them 'pick'"


def test_two_types_in_one_document() -> None:
    """Each is a type, so that neither alone is wrong."""
    with pytest.raises(Problem) as caught:
        decode_command(TWO_TYPES)
    assert caught.value.detail == TWO_TYPES_TOLD
    [item] = decode_array(b"[" + TWO_TYPES + b"]", 10)
    assert isinstance(item, Invalid)
    assert item.detail == TWO_TYPES_TOLD
    assert isinstance(decode_command(TWO_TYPES.replace(b"pick", b"receipt")), movements.Receipt)
    with pytest.raises(Problem, match="Invalid value 'teleport'"):
        decode_command(TWO_TYPES.replace(b"pick", b"teleport"))


def test_an_array_of_good_items() -> None:
    """The fast way gives what the slow way gives."""
    body = json.dumps([receipt(id="a"), receipt(id="b")]).encode()
    fast = decode_array(body, 10)
    slow = decode_array(body[:-1] + b",1]", 10)
    assert list(fast) == list(slow)[:2]
    assert slow[2] == Invalid(None, "Expected `object`, got `int`")


def test_an_item_is_told_what_is_wrong_with_it_alone() -> None:
    """Paths are those inside the item."""
    (item,) = decode_array(b'[{"id":"q","type":"issue","sku":5}]', 10)
    assert item == Invalid("q", "Expected `str`, got `int` - at `$.sku`")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_lines_are_counted_from_1_over_blank_ones(ending: bytes) -> None:
    """Also where the last line has no end, and where every item is good."""
    good = json.dumps(receipt()).encode()
    entries, lines = decode_lines(ending.join([good, good]), 10)
    assert [type(one) for one in entries] == [movements.Receipt] * 2
    assert list(lines) == [1, 2]
    entries, lines = decode_lines(ending.join([b"", good, b"", b"{", good, b""]), 10)
    assert [type(one) for one in entries] == [movements.Receipt, Invalid, movements.Receipt]
    assert list(lines) == [2, 4, 5]


def test_a_line_is_one_item() -> None:
    """Neither two on a line nor one on two lines; a separator inside a string is no line's end."""
    good = json.dumps(receipt()).encode()
    assert isinstance(decode_lines(good + good, 10)[0][0], Invalid)
    first, second = decode_lines(good.replace(b", ", b",\n", 1), 10)[0]
    assert isinstance(first, Invalid)
    assert isinstance(second, Invalid)
    text = json.dumps(receipt(note="a\u2028b"), ensure_ascii=False).encode()
    assert isinstance(decode_lines(text, 10)[0][0], movements.Receipt)


@pytest.mark.parametrize("body", [b"", b" ", b'{"name":'])
def test_a_document_without_an_end_is_said_to_be_so(body: bytes) -> None:
    """In the words of whoever sent it, not of the decoder."""
    with pytest.raises(Problem, match="the document is empty or incomplete"):
        decode_item(body)


@pytest.mark.parametrize("note", ["\\ud800", "\\uDBFFxyz"])
def test_half_a_surrogate_pair_near_the_end_is_incomplete(note: str) -> None:
    """The decoder says the same of it as of a body that was cut off, so one word is for both."""
    body = json.dumps(receipt(note="NOTE")).replace("NOTE", note).encode()
    for line in (body, body + b"\r\n"):
        [item] = decode_lines(line, 10)[0]
        assert isinstance(item, Invalid)
        assert "incomplete" in item.detail or "surrogate" in item.detail
        with pytest.raises(Problem, match=r"incomplete|surrogate"):
            decode_command(line)


def test_too_many_items() -> None:
    """The limit is the operator's."""
    for body in (b"[1,1,1]", json.dumps([receipt()] * 3).encode()):
        with pytest.raises(Problem, match="more than 2 items"):
            decode_array(body, 2)
    for item in (b"1", b'""', b'","', rb'"\","', b"{}"):
        with pytest.raises(Problem, match="far more than 2 items"):
            decode_array(b"[1" + b"," + b",".join([item] * 1_000) + b"]", 2)
    for line in (b"1", json.dumps(receipt()).encode()):
        with pytest.raises(Problem, match="more than 2 items"):
            decode_lines(b"\n".join([line] * 3), 2)
    with pytest.raises(Problem, match="at least one"):
        decode_array(b"[]", 2)


def test_commas_in_texts_are_no_items() -> None:
    """One malformed item stops no other."""
    commas = json.dumps(receipt(note='", \\' * 150)).encode()
    body = b"[" + b",".join([commas, commas, b"1"]) + b"]"
    assert body.count(b",") > 3 * BULK_COMMAS_PER_ITEM_MAX
    found = decode_array(body, 3)
    assert [type(one) for one in found] == [movements.Receipt, movements.Receipt, Invalid]


def test_an_item_over_several_lines() -> None:
    """It is not accepted because another line has two."""
    one = json.dumps(receipt(id="a")).replace(", ", ",\n", 1)
    body = (one + json.dumps(receipt(id="b")) + "\n").encode()
    entries, lines = decode_lines(body, 10)
    assert [type(entry) for entry in entries] == [Invalid, Invalid]
    assert list(lines) == [1, 2]


@pytest.mark.parametrize("blank", [b"\v", b"\f"])
def test_what_is_no_blank_in_json(blank: bytes) -> None:
    """Neither in front of an item nor behind it."""
    good = json.dumps(receipt()).encode()
    for line in (blank + good, good + blank, b" " + blank + good):
        [entry], _ = decode_lines(line + b"\n", 10)
        assert isinstance(entry, Invalid)


def test_many_blank_lines() -> None:
    """They are no items."""
    body = b"\n \r\n" * 20 + json.dumps(receipt()).encode() + b"\n" * 20
    [entry], [line] = decode_lines(body, 1)
    assert isinstance(entry, movements.Receipt)
    assert line == 41


def test_reversals_and_items() -> None:
    """An empty body is a reversal without anything to say."""
    assert decode_reversal(b"").id is None
    assert decode_reversal(b'{"id":"r","note":"n"}').note == "n"
    assert decode_item(b"{}") == items.Item()
    for decode in (decode_reversal, decode_item):
        with pytest.raises(Problem, match="unknown field"):
            decode(b'{"colour":"red"}')


def test_where_integers_are_numbers() -> None:
    """As docs/http.md says: in movements and supply orders, and not in descriptions of items."""
    moved = decode_command(json.dumps(receipt(quantity=6, unit_cost=2)).encode())
    assert isinstance(moved, movements.Receipt)
    assert (moved.quantity, moved.unit_cost) == (6, 2)
    order = {"sku": "A", "supplier": "S", "location": "M", "expected_at": "2026-11-22T10:00:00Z"}
    placed = decode_supply_order(json.dumps({**order, "quantity": 6, "unit_cost": 2}).encode())
    assert (placed.quantity, placed.unit_cost) == (6, 2)
    for item in ({"unit_cost": 2}, {"price": 2}, {"suppliers": [{"code": "S", "pack_size": 12}]}):
        with pytest.raises(Problem) as caught:
            decode_item(json.dumps(item).encode())
        assert "str" in caught.value.detail
