"""The committed schemas are those of the code, every event is good by them, and none may break."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from ledger.domain.facts import Fact
from ledger.events.codec import encode, event_type
from ledger.events.envelope import DATA_TYPES
from ledger.events.schemas import documents, incompatibilities, schema_of, write
from tests.unit.ledger.events.facts import facts

FOLDER = Path(__file__).parents[4] / "schemas"
VALIDATORS = {name: Draft202012Validator(schema_of(name)) for name in DATA_TYPES}
Schema = dict[str, Any]


def test_the_committed_schemas_are_current() -> None:
    """Otherwise: python -m ledger.events.schemas schemas."""
    committed = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    assert committed == documents()


def test_writing_gives_the_same_files(tmp_path: Path) -> None:
    """Twice, too."""
    for _ in range(2):
        write(tmp_path / "schemas")
        written = {path.name: path.read_bytes() for path in (tmp_path / "schemas").iterdir()}
        assert written == documents()


@pytest.mark.parametrize("name", DATA_TYPES)
def test_a_schema_is_one(name: str) -> None:
    """By its own dialect; and it refers to nothing that is not in it."""
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    text = json.dumps(schema)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]}:
        assert reference in schema["$defs"]


@given(facts)
def test_every_event_is_good_by_its_schema(fact: Fact) -> None:
    """As it is written, whatever is in it."""
    VALIDATORS[event_type(fact)].validate(json.loads(encode(fact, "/s", "0" * 64)[1]))


@given(facts)
def test_an_event_of_another_type_is_not(fact: Fact) -> None:
    """The type is part of the schema."""
    document = json.loads(encode(fact, "/s", "0" * 64)[1])
    for name in DATA_TYPES.keys() - {event_type(fact)}:
        assert not VALIDATORS[name].is_valid(document)


def test_a_change_against_the_committed_schemas_is_compatible() -> None:
    """This is the test that refuses a change of the wire format."""
    for name in DATA_TYPES:
        old = json.loads((FOLDER / f"{name}.json").read_bytes())
        assert incompatibilities(old, schema_of(name)) == []


def _remove(schema: Schema) -> None:
    del schema["$defs"]["MovedData"]["properties"]["value"]


def _rename(schema: Schema) -> None:
    fields = schema["$defs"]["MovedData"]["properties"]
    fields["worth"] = fields.pop("value")


def _require(schema: Schema) -> None:
    schema["$defs"]["MovedData"]["required"].append("late")


def _require_new(schema: Schema) -> None:
    schema["$defs"]["Receipt"]["properties"]["colour"] = {"type": "string"}
    schema["$defs"]["Receipt"]["required"].append("colour")


def _promise_less(schema: Schema) -> None:
    schema["$defs"]["MovedData"]["required"].remove("value")


def _narrow(schema: Schema) -> None:
    schema["$defs"]["Entry"]["properties"]["lot"] = {"type": "string"}


def _other_type(schema: Schema) -> None:
    schema["$defs"]["MovedData"]["properties"]["scale"] = {"type": "string"}


def _widen(schema: Schema) -> None:
    schema["$defs"]["MovedData"]["properties"]["value"] = {"type": ["string", "number"]}


def _other_type_name(schema: Schema) -> None:
    schema["properties"]["type"] = {"const": "stock.receipt.v2"}


def _pattern(schema: Schema) -> None:
    schema["properties"]["prevhash"]["pattern"] = "^[0-9a-f]{40}$"


def _close(schema: Schema) -> None:
    schema["$defs"]["Receipt"]["additionalProperties"] = False


def _inside_an_array(schema: Schema) -> None:
    schema["$defs"]["Entry"]["properties"]["quantity"] = {"type": "integer"}


def _remove_behind_a_choice(schema: Schema) -> None:
    fields = schema["$defs"]["OrderReceivedData"]
    del fields["properties"]["on_order"]
    fields["required"].remove("on_order")


def _other_type_behind_a_choice(schema: Schema) -> None:
    schema["$defs"]["Reference"]["properties"]["id"] = {"type": "integer"}


BREAKING: list[tuple[Callable[[Schema], None], str]] = [
    (_remove, "value was removed"),
    (_rename, "value was removed"),
    (_require, "late is newly required"),
    (_require_new, "colour is newly required"),
    (_promise_less, "value is no longer always there"),
    (_narrow, "is narrower"),
    (_other_type, "is narrower"),
    (_widen, "is wider"),
    (_other_type_name, "is narrower"),
    (_pattern, "pattern changed"),
    (_close, "takes no other fields"),
    (_inside_an_array, "quantity is narrower"),
    (_remove_behind_a_choice, "supply/on_order was removed"),
    (_other_type_behind_a_choice, "reference/id is narrower"),
]


@pytest.mark.parametrize(("change", "expected"), BREAKING, ids=[c.__name__ for c, _ in BREAKING])
def test_what_breaks_a_reader_is_refused(change: Callable[[Schema], None], expected: str) -> None:
    """However deep it lies."""
    old = schema_of("stock.receipt.v1")
    new = copy.deepcopy(old)
    change(new)
    assert any(expected in problem for problem in incompatibilities(old, new))


def test_what_breaks_nobody_passes() -> None:
    """A new optional field, a new attribute, a new word, another description."""
    old = schema_of("item.defined.v1")
    new = copy.deepcopy(old)
    new["properties"]["traceparent"] = {"type": "string"}
    new["$defs"]["Item"]["properties"]["colour"] = {"type": "string"}
    new["$defs"]["Item"]["properties"]["inventory_type"]["enum"].append("gift")
    new["$defs"]["Item"]["description"] = "other words"
    assert incompatibilities(old, new) == []
    # The other way round they are gone.
    assert len(incompatibilities(new, old)) == 3
