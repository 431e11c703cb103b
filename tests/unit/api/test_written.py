"""The answer to a recorded movement, held against the document of the same movement."""

import msgspec
import pytest

from api.written import written
from ledger.domain.facts import Command, Moved
from ledger.domain.movements import Reference
from ledger.events.documents import movement_document, stock_document
from tests import builders
from tests.given import Given

REFERENCE = Reference(type="purchase_order", id='PO-"7"')


def every_kind() -> list[Command]:
    """Each type of movement, with what only it has, in an order that is accepted."""
    return [
        builders.define(scale=2),
        builders.receipt("100.50", id="r", unit_cost="2.50", reference=REFERENCE, note="über"),
        builders.receipt("3", lot="L1", status="on_hold", occurred_at="2026-09-21T10:00:00+02:00"),
        builders.transfer("10"),
        builders.pick("1.25", to_location="STAGE"),
        builders.pick("2", note="x"),
        builders.issue("5", id="sold"),
        builders.customer_return("1", original_id="sold", disposition="quarantine"),
        builders.customer_return("1", disposition="scrap"),
        builders.customer_return("1"),
        builders.supplier_return("1"),
        builders.adjustment("-2", reason="lost"),
        builders.adjustment("4"),
        builders.scrap("1"),
        builders.status_change("3"),
        builders.reversal("r2", sku="B", note="wrong bin", reference=REFERENCE),
    ]


@pytest.mark.parametrize("partition", [0, 11])
def test_the_answer_is_the_document(partition: int) -> None:
    """Byte by byte, in the same order, for every type of movement."""
    given = Given(builders.receipt("7", id="r2", sku="B"))
    kinds = set()
    for command in every_kind():
        fact = given.apply(command)
        if not isinstance(fact, Moved):
            continue
        kinds.add(type(fact.command))
        document = {"movement": movement_document(fact, partition), "stock": stock_document(fact)}
        assert written(fact, partition) == msgspec.json.encode(document)
    assert len(kinds) == 10


def test_an_empty_disposition_of_an_older_log_is_shown_as_it_was_recorded() -> None:
    """It is refused now."""
    fact = Given().apply(builders.customer_return("1"))
    assert isinstance(fact, Moved)
    fact.command.disposition = ""  # type: ignore[union-attr]
    document = {"movement": movement_document(fact, 0), "stock": stock_document(fact)}
    assert written(fact, 0) == msgspec.json.encode(document)
