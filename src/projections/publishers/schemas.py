"""JSON Schemas (2020-12) of the documents that publishers write, made from the structs.

`python -m projections.publishers.schemas DIRECTORY` writes them; they are committed in
`schemas/published/`.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec

from ledger.events import envelope as shape
from ledger.events.schemas import DIALECT, Schema
from projections.publishers import alert_documents, level_documents

DATA_TYPES: dict[str, Any] = level_documents.DATA_TYPES | alert_documents.DATA_TYPES
_TEXT = {"type": "string", "minLength": 1}


def schema_of(event_type: str) -> Schema:
    """The schema of one type's document. Unknown members are allowed: some may come."""
    (data,), parts = msgspec.json.schema_components(
        [DATA_TYPES[event_type]], ref_template="#/$defs/{name}"
    )
    for part in parts.values():
        part["description"] = " ".join(part.get("description", "").split())
    constants = {
        "specversion": shape.SPECVERSION,
        "type": event_type,
        "datacontenttype": shape.JSON,
        "dataschema": shape.dataschema(event_type),
    }
    properties: Schema = {
        "id": _TEXT,
        "source": _TEXT,
        "subject": _TEXT,
        "time": {"type": "string", "format": "date-time"},
        "data": data,
        **{name: {"const": value} for name, value in constants.items()},
    }
    name = data["$ref"].rsplit("/", 1)[1]
    return {
        "$schema": DIALECT,
        "$id": shape.dataschema(event_type),
        "title": event_type,
        "description": f"CloudEvents 1.0, structured mode. {parts[name]['description']}",
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
        "$defs": dict(sorted(parts.items())),
    }


def documents() -> dict[str, bytes]:
    """File name to content, for every type that is published."""
    return {
        f"{event_type}.json": msgspec.json.format(
            msgspec.json.encode(schema_of(event_type)), indent=2
        )
        + b"\n"
        for event_type in DATA_TYPES
    }


def write(directory: Path) -> None:
    """Write them all."""
    directory.mkdir(exist_ok=True, parents=True)
    for name, content in documents().items():
        (directory / name).write_bytes(content)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
