"""docs/privacy.md says of every field of every event whether it can be about a person."""

import re
from collections.abc import Iterator
from pathlib import Path

from msgspec import inspect

from ledger.events.envelope import DATA_TYPES, Envelope

DOCUMENT = Path(__file__).parents[1] / "docs/privacy.md"


def fields_of(kind: inspect.Type) -> Iterator[str]:
    """The names on the wire of a type's fields, and of all that lies in them."""
    if isinstance(kind, inspect.StructType):
        if kind.tag_field is not None:
            yield kind.tag_field
        for field in kind.fields:
            yield field.encode_name
            yield from fields_of(field.type)
    for one in _parts_of(kind):
        yield from fields_of(one)


def _parts_of(kind: inspect.Type) -> tuple[inspect.Type, ...]:
    if isinstance(kind, inspect.UnionType):
        return tuple(kind.types)
    if isinstance(kind, inspect.TupleType):
        return tuple(kind.item_types)
    return (kind.item_type,) if isinstance(kind, inspect.VarTupleType | inspect.ListType) else ()


def test_every_field_of_an_event_is_named() -> None:
    """A new field needs a line that says what it may hold, and none is there for nothing."""
    part = DOCUMENT.read_text().split("## What is recorded")[1].split("\n## ")[0]
    first_columns = re.findall(r"^\| (`.*?) \|", part, re.MULTILINE)
    named = set(re.findall(r"`(\w+)`", " ".join(first_columns))) - {"traceparent"}
    kinds = [Envelope, *DATA_TYPES.values()]
    assert named == {name for kind in kinds for name in fields_of(inspect.type_info(kind))}
