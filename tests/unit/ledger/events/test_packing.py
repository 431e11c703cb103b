"""Facts that one process hands to another become the very records that it would have made."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.facts import Fact, Moved, Opened, WriterClaimed
from ledger.events.chain import link
from ledger.events.codec import encode
from ledger.events.packing import pack, unpack
from ledger.events.recording import record
from ledger.log import NewRecordTuple, Unrecorded
from tests.unit.ledger.events.facts import actors, facts, moved, times_ms, trails

SOURCE = "/stockledger/test"
HEAD = "ab" * 32
TRACE = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def one_by_one(some: list[Fact], traceparent: bytes | None) -> tuple[list[NewRecordTuple], str]:
    """What the parts say that are proven by themselves."""
    records, head = [], HEAD
    for fact in some:
        key, value = encode(fact, SOURCE, head)
        records.append((key, value, traceparent))
        head = link(3, fact.offset, key, value)
    return records, head


@st.composite
def decided_together(draw: st.DrawFn) -> list[Any]:
    """Facts of all kinds that commands lead to: at one time, of one request."""
    some: list[Any] = draw(
        st.lists(facts.filter(lambda one: type(one) not in {Opened, WriterClaimed}))
    )
    recorded_ms, actor, trail = draw(times_ms), draw(actors), draw(trails)
    for fact in some:
        fact.recorded_ms, fact.actor, fact.trail = recorded_ms, actor, trail
    return some


@given(decided_together(), st.none() | st.just(TRACE), st.booleans())
def test_unpacked_facts_are_the_same_records(
    some: list[Any], traceparent: bytes | None, marked: bool
) -> None:
    """Whether the facts have their trail already, or it only goes along."""
    trail = some[0].trail if some else None
    expected = one_by_one(some, traceparent)
    if not marked:
        for fact in some:
            fact.trail = None
    packed = pack(some, traceparent, trail)
    assert unpack(3, Unrecorded(SOURCE, HEAD, packed)) == expected


@given(decided_together())
def test_recording_is_writing_one_after_the_other(some: list[Any]) -> None:
    """What all facts of a request share is made once, and nothing is different for it."""
    records: list[NewRecordTuple] = []
    head, size = record(3, SOURCE, HEAD, some, TRACE, records)
    assert (records, head) == one_by_one(some, TRACE)
    assert size == sum(len(value) for _, value, _ in records)


@given(moved())
def test_slices_of_several_requests_follow_each_other(fact: Moved) -> None:
    """Each with its own trace, in one chain."""
    packed = pack([fact], None, fact.trail) + pack([fact], TRACE, fact.trail)
    records, head = unpack(3, Unrecorded(SOURCE, HEAD, packed))
    first, behind = one_by_one([fact], None)
    key, value = encode(fact, SOURCE, behind)
    assert records == [*first, (key, value, TRACE)]
    assert head == link(3, fact.offset, key, value)
