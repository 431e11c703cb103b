"""JSON Schemas (2020-12) of the complete document of every event type, made from the structs.

They are committed in `schemas/`, so that a consumer can read them and a test can tell whether a
change would break one. `python -m ledger.events.schemas DIRECTORY` writes them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec

from ledger.domain.movements import WireCommand
from ledger.events import envelope as shape

Schema = dict[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_INSTANT = {"type": "string", "format": "date-time"}
_CONSTANT = "the constant "
_NUMBERS = {"quantity", "unit_cost", "expected_on_hand"}
_TEMPLATE = "#/$defs/{name}"


def schema_of(event_type: str) -> Schema:
    """The schema of one event type's document. Unknown attributes are allowed: some may come."""
    (data,), parts = msgspec.json.schema_components(
        [shape.DATA_TYPES[event_type]], ref_template=_TEMPLATE
    )
    for part in parts.values():
        # Readers must bear fields that come later; only what is sent over HTTP is held tighter.
        part.pop("additionalProperties", None)
        part["description"] = " ".join(part.get("description", "").split())
        if "trail" in part.get("properties", {}):
            part["properties"]["trail"] = {"$ref": _TEMPLATE.format(name="Trail")}
    if shape.DATA_TYPES[event_type] is shape.MovedData:
        _narrow_command(parts, event_type.split(".")[1])
    for command in shape.SUPPLY_TYPES:
        _texts_only(parts.get(command.__name__, {}))
    text = {"type": "string"}
    return {
        "$schema": DIALECT,
        "$id": shape.dataschema(event_type),
        "title": event_type,
        "description": f"CloudEvents 1.0, structured mode. {_description(data, parts)}",
        "type": "object",
        "properties": {
            "specversion": {"const": shape.SPECVERSION},
            "id": {**text, "minLength": 1},
            "source": {**text, "minLength": 1},
            "type": {"const": event_type},
            "subject": {**text, "minLength": 1},
            "time": _INSTANT,
            "datacontenttype": {"const": shape.JSON},
            "dataschema": {"const": shape.dataschema(event_type)},
            "actor": text,
            "prevhash": {**text, "pattern": "^[0-9a-f]{64}$"},
            "data": data,
        },
        "required": [
            "specversion",
            "id",
            "source",
            "type",
            "subject",
            "time",
            "datacontenttype",
            "dataschema",
            "prevhash",
            "data",
        ],
        "$defs": _reachable(data, parts),
    }


def _narrow_command(parts: dict[str, Schema], name: str) -> None:
    """A type of movement holds the command of that type, with all numbers as decimal strings."""
    commands = {kind.__struct_config__.tag: kind.__name__ for kind in get_args(WireCommand)}
    moved = parts[shape.MovedData.__name__]
    moved["properties"]["command"] = {"$ref": _TEMPLATE.format(name=commands[name])}
    _texts_only(parts[commands[name]])


def _texts_only(command: Schema) -> None:
    fields = command.get("properties", {})
    for number in _NUMBERS & fields.keys():
        fields[number] = {"type": "string"}


def _description(data: Schema, parts: dict[str, Schema]) -> str:
    name = data["$ref"].rsplit("/", 1)[1]
    return str(parts[name]["description"])


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"].rsplit("/", 1)[1]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _reachable(data: Schema, parts: dict[str, Schema]) -> dict[str, Schema]:
    """Only what the document refers to, in a stable order."""
    found: set[str] = set()
    waiting = list(_references(data))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(parts[name])
    return {name: parts[name] for name in sorted(found)}


def documents() -> dict[str, bytes]:
    """File name to content, for every event type."""
    return {
        f"{event_type}.json": msgspec.json.format(
            msgspec.json.encode(schema_of(event_type)), indent=2
        )
        + b"\n"
        for event_type in shape.DATA_TYPES
    }


def write(directory: Path) -> None:
    """Write them all."""
    directory.mkdir(exist_ok=True)
    for name, content in documents().items():
        (directory / name).write_bytes(content)


# ---- whether a change is compatible ------------------------------------------------------------


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """What would break who reads by `old`, or a reader by `new` of what was written by `old`.

    Events are immutable, so documents of the old schema must be good by the new one; and a
    consumer that knows only the old one must find all that it promised.
    """
    return list(_compare(old, new, (old, new), "", set()))


def _compare(  # noqa: C901, PLR0912 - one rule a block
    old: Schema, new: Schema, roots: tuple[Schema, Schema], where: str, seen: set[tuple[str, str]]
) -> Iterator[str]:
    if "$ref" in old and "$ref" in new:
        pair = (old["$ref"], new["$ref"])
        if pair in seen:
            return
        seen.add(pair)
    old, new = _resolved(old, roots[0]), _resolved(new, roots[1])
    place = where or "the document"
    properties, now = old.get("properties", {}), new.get("properties", {})
    for name in properties.keys() - now.keys():
        yield f"{where}/{name} was removed"
    for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
        yield f"{where}/{name} is newly required"
    for name in sorted(set(old.get("required", ())) - set(new.get("required", ()))):
        if name in now:
            yield f"{where}/{name} is no longer always there"
    for name in sorted(properties.keys() & now.keys()):
        yield from _compare(properties[name], now[name], roots, f"{where}/{name}", seen)
    if _closed(new) and not _closed(old):
        yield f"{place} takes no other fields any more"
    was, may_be = _alternatives(old, roots[0]), _alternatives(new, roots[1])
    if lost := was - may_be:
        yield f"{place} is narrower: no longer {', '.join(sorted(lost))}"
    # A new constant is a new word; a new type is something that no reader expects.
    if gained := {one for one in may_be - was if not one.startswith(_CONSTANT)}:
        yield f"{place} is wider: now also {', '.join(sorted(gained))}"
    for bound in ("pattern", "format", "minLength", "minItems", "maxItems"):
        if old.get(bound) != new.get(bound):
            yield f"{place}: {bound} changed from {old.get(bound)} to {new.get(bound)}"
    for one, other in zip(_structures(old, roots[0]), _structures(new, roots[1]), strict=False):
        yield from _compare(one, other, roots, where, seen)
    if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
        yield from _compare(old["items"], new["items"], roots, f"{where}/items", seen)
    for index, (one, other) in enumerate(
        zip(old.get("prefixItems", ()), new.get("prefixItems", ()), strict=False)
    ):
        yield from _compare(one, other, roots, f"{where}/{index}", seen)


def _resolved(part: Schema, root: Schema) -> Schema:
    reference = part.get("$ref")
    if reference is None:
        return part
    found: Schema = root["$defs"][reference.rsplit("/", 1)[1]]
    return found


def _structures(part: Schema, root: Schema) -> list[Schema]:
    """Of what may have several forms, those with fields or elements, in their order."""
    forms = (one for one in part.get("anyOf", ()) if isinstance(one, dict))
    return [one for one in forms if {"properties", "items"} & _resolved(one, root).keys()]


def _closed(part: Schema) -> bool:
    return part.get("additionalProperties") is False


def _alternatives(part: Schema, root: Schema) -> set[str]:
    """What a value may be: types, and constants where only some are allowed."""
    part = _resolved(part, root)
    if "anyOf" in part:
        return set().union(*(_alternatives(one, root) for one in part["anyOf"]))
    if "const" in part:
        return {f"{_CONSTANT}{part['const']!r}"}
    if "enum" in part:
        return {f"{_CONSTANT}{one!r}" for one in part["enum"]}
    kind = part.get("type", "anything")
    return set(kind) if isinstance(kind, list) else {kind}


if __name__ == "__main__":
    write(Path(sys.argv[1]))
