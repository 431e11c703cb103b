"""What a command gets whose id was used before."""

import pytest

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide
from ledger.domain.facts import Refused
from ledger.domain.items import DefineItem, Item, Supplier
from ledger.domain.rejections import Rejected, refused
from ledger.events.codec import fingerprint
from ledger.writer.outcomes import Replayed
from ledger.writer.refusals import refusal
from ledger.writer.replies import same
from tests import builders as make
from tests.builders import NOW_MS, SKU
from tests.given import given
from tests.simulation.clock import now_ms, run
from tests.unit.ledger.writer.harness import World, tell, writer_of

TERMS = Supplier("ACME", 14, "012.50", "25.0")
CONTEXT = Context(Rules(), NOW_MS)


def _described(unit_cost: str, supplier: Supplier, price: str = "4.950") -> DefineItem:
    return DefineItem(
        "g9", SKU, Item(scale=2, unit_cost=unit_cost, price=price, suppliers=(supplier,))
    )


def _refused(command: DefineItem) -> Refused:
    """What is recorded of a description that comes after a movement at another scale."""
    rejected = decide(given(make.receipt()).state, command, CONTEXT)
    assert isinstance(rejected, Rejected)
    assert rejected.code == "item_in_use"
    return refusal(1, command, rejected, CONTEXT)


@pytest.mark.parametrize("unit_cost", ["2.50", "2.5", "02.500"])
def test_a_refused_item_is_the_same_in_any_spelling(unit_cost: str) -> None:
    """As one that was accepted is: its numbers count and not their digits."""
    fact = _refused(_described("2.50", TERMS))
    assert same(_described(unit_cost, TERMS), fact)
    assert same(_described(unit_cost, Supplier("ACME", 14, "12.5", "25"), "4.95"), fact)
    assert not same(_described("2.51", TERMS), fact)
    assert not same(_described("2.50", Supplier("ACME", 14, "12.5", "26")), fact)
    assert not same(_described("many", TERMS), fact)


def test_a_refused_item_of_an_older_log_is_still_the_same() -> None:
    """Its fingerprint was made of the description as it was sent."""
    asked = _described("2.50", TERMS)
    fact = _refused(asked)
    fact.fingerprint = fingerprint(asked)
    assert same(_described("2.50", TERMS), fact)
    assert not same(_described("2.51", TERMS), fact)


def test_a_refusal_that_was_recorded_is_answered_as_ever() -> None:
    """Older logs hold some of a return whose original_id is no id; today it leaves no record."""

    async def main() -> None:
        world = World()
        async with world.ledger() as ledger:
            offset = writer_of(ledger).state.offset
        asked = make.customer_return(id="old", original_id="")
        rejected = refused("unknown_movement", "no movement of this SKU has the original_id")
        world.write(refusal(offset, asked, rejected, Context(Rules(), now_ms())))
        async with world.ledger(instance="two") as ledger:
            again = await tell(ledger, make.customer_return(id="old", original_id=""))
            assert isinstance(again, Replayed)
            assert getattr(again.fact, "code", "") == "unknown_movement"
            new = await tell(ledger, make.customer_return(id="new", original_id=""))
            assert isinstance(new, Rejected)
            assert new.code == "invalid_id"
            assert "new" not in world.ids()

    run(main())
