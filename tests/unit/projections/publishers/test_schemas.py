"""The committed schemas of what is published are current, and documents are good by them."""

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ledger.events.schemas import incompatibilities
from ledger.log import Record
from projections.publishers.level_documents import (
    LEVELS_PUBLISHED,
    SITE_LEVEL,
    STOCK_LEVEL,
    LevelsPublishedData,
    level_record,
    mark_record,
    offset_of,
    read_level,
    read_mark,
    tombstone,
)
from projections.publishers.level_keys import site_level_key, stock_level_key
from projections.publishers.level_state import Level
from projections.publishers.schemas import DATA_TYPES, documents, schema_of, write

FOLDER = Path(__file__).parents[4] / "schemas" / "published"
LEVEL = Level(1250, 200, 3, 17, 1_790_000_000_123)
MARK = LevelsPublishedData("a-ledger", 3, 18, "a" * 64, "one")


def test_the_committed_schemas_are_current(tmp_path: Path) -> None:
    """Otherwise: python -m projections.publishers.schemas schemas/published."""
    write(tmp_path)
    committed = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert committed == documents() == {one.name: one.read_bytes() for one in tmp_path.iterdir()}


@pytest.mark.parametrize("name", DATA_TYPES)
def test_a_change_against_the_committed_schemas_is_compatible(name: str) -> None:
    """This is the test that refuses a change of what consumers read; and it can fail."""
    schema = schema_of(name)
    Draft202012Validator.check_schema(schema)
    committed = json.loads((FOLDER / f"{name}.json").read_bytes())
    assert incompatibilities(committed, schema) == []
    broken = copy.deepcopy(schema)
    for part in broken["$defs"].values():
        part["properties"].popitem()
    assert incompatibilities(committed, broken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (STOCK_LEVEL, level_record("l", 3, stock_level_key("A", "M/1", None, "damaged"), LEVEL)[1]),
        (SITE_LEVEL, level_record("l", 3, site_level_key('"', "M"), LEVEL)[1]),
        (LEVELS_PUBLISHED, mark_record(MARK, 1_790_000_000_123)[1]),
    ],
)
def test_documents_are_good_by_their_schema(name: str, value: bytes) -> None:
    """And by no other."""
    document = json.loads(value)
    for other in DATA_TYPES:
        assert Draft202012Validator(schema_of(other)).is_valid(document) == (other == name)


def test_a_level_is_read_as_it_was_written() -> None:
    """Exactly, with the position of its movement."""
    key = stock_level_key("A", "M/1", "L", "available")
    _, value, position = level_record("l", 3, key, LEVEL)
    assert json.loads(value)["data"] == {
        "sku": "A", "location": "M/1", "lot": "L", "status": "available",
        "on_hand": "1.25", "available": "0.2", "scale": 3, "position": "3:17",
    }  # fmt: skip
    record = Record(5, 5, key, value, 0, position)
    assert offset_of(record) == 17
    assert read_level(value, 17) == LEVEL
    assert read_mark(mark_record(MARK, 0)[1]) == MARK
    assert tombstone(3, key, 9) == (key, b"", b"3:9")


@pytest.mark.parametrize(
    "data",
    [
        {"on_hand": "1.2345", "available": "0", "scale": 3},
        {"on_hand": "", "available": "0", "scale": 0},
        {"on_hand": "x", "available": "0", "scale": 0},
        {"on_hand": "1", "available": "0", "scale": 7},
        {"on_hand": "1", "available": "0"},
    ],
)
def test_what_is_no_level_is_refused(data: dict[str, object]) -> None:
    """By one kind of error."""
    value = json.dumps({"time": "2026-01-01T00:00:00Z", "data": data}).encode()
    with pytest.raises(ValueError, match=r"scale|instant|quantity"):
        read_level(value, 1)


def test_what_has_no_time_is_refused() -> None:
    """Its own text is in the error."""
    value = b'{"time":"soon","data":{"on_hand":"1","available":"1","scale":0}}'
    with pytest.raises(ValueError, match="instant"):
        read_level(value, 1)
