"""A retired type stays readable: an example with two steps."""

import json
from typing import Any

import pytest

from ledger.domain.facts import Moved
from ledger.errors import UndecodableRecord
from ledger.events.codec import encode
from ledger.events.decoding import Codec
from ledger.events.upcasters import UPCASTERS, Document, Upcaster, upcast
from ledger.log import Record
from tests import builders as make
from tests.given import given


def _first(data: Document) -> Document:
    """Before everything, `scrap` had its amount in grams."""
    return {**data, "quantity": data.pop("grams")}


def _second(data: Document) -> Document:
    """Then it had neither a reason nor a cost basis."""
    command = {**data["command"], "reason": "other"}
    return {**data, "command": command, "cost_basis": "none"}


STEPS: dict[str, tuple[str, Upcaster]] = {
    "stock.scrap.draft": ("stock.scrap.v0", _first),
    "stock.scrap.v0": ("stock.scrap.v1", _second),
}


def _old(event_type: str) -> tuple[Moved, Record]:
    fact = given(make.receipt("6")).when(make.scrap("2", reason="other")).then()
    document: dict[str, Any] = json.loads(encode(fact, "/s", "0")[1])
    document["type"] = event_type
    del document["data"]["command"]["reason"], document["data"]["cost_basis"]
    if event_type.endswith("draft"):
        document["data"]["grams"] = document["data"].pop("quantity")
    value = json.dumps(document).encode()
    return fact, Record(fact.offset, fact.offset, fact.sku.encode(), value, 0)


@pytest.mark.parametrize("event_type", STEPS)
def test_a_retired_type_is_read_as_the_newest(event_type: str) -> None:
    """Steps follow each other; the fact is that of today."""
    fact, record = _old(event_type)
    _, read = Codec(STEPS).decode(record)
    assert isinstance(read, Moved)
    fact.cost_basis = "none"
    assert read == fact


def test_without_its_upcaster_it_stops_the_reader() -> None:
    """It is never skipped."""
    with pytest.raises(UndecodableRecord, match="unknown event type"):
        Codec().decode(_old("stock.scrap.v0")[1])


def test_a_circle_is_refused() -> None:
    """It would never end."""
    circle: dict[str, tuple[str, Upcaster]] = {"a": ("b", dict), "b": ("a", dict)}
    with pytest.raises(ValueError, match="circle"):
        upcast("a", {}, circle)


def test_an_upcaster_that_leads_nowhere() -> None:
    """To a type that nobody knows."""
    with pytest.raises(UndecodableRecord):
        Codec({"stock.scrap.v0": ("stock.scrap.v99", _second)}).decode(_old("stock.scrap.v0")[1])


def test_nothing_is_retired_yet() -> None:
    """When something is, its old documents become a test here."""
    assert UPCASTERS == {}
