"""The chain: whoever holds the head knows the whole past."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.facts import WriterClaimed
from ledger.errors import ChainBroken, UndecodableRecord
from ledger.events.chain import GENESIS, Chain, link
from ledger.events.codec import encode
from ledger.log import Record


def history(count: int) -> list[Record]:
    """Records that continue each other."""
    head, records = GENESIS, []
    for offset in range(count):
        key, value = encode(WriterClaimed(offset, f"i{offset}", "", 0), "/s", head)
        records.append(Record(offset, offset, key, value, 0))
        head = link(3, offset, key, value)
    return records


def test_a_whole_history_is_accepted() -> None:
    """The head moves on with every record."""
    chain, heads = Chain(3), set()
    for record in history(5):
        chain.accept(record)
        heads.add(chain.head)
    assert len(heads) == 5


@pytest.mark.parametrize("lost", range(4))
def test_a_record_that_is_missing(lost: int) -> None:
    """The one behind it does not fit, and the head stays where it was."""
    records = history(5)
    del records[lost]
    chain = Chain(3)
    for record in records[:lost]:
        chain.accept(record)
    head = chain.head
    with pytest.raises(ChainBroken, match=f"offset {lost + 1}"):
        chain.accept(records[lost])
    assert chain.head == head


@pytest.mark.parametrize("field", ["offset", "key", "value"])
def test_a_record_that_was_changed(field: str) -> None:
    """Whatever was changed in it, its successor tells."""
    first, second = history(2)
    changed = {
        "offset": Record(9, 9, first.key, first.value, 0),
        "key": Record(0, 0, b"other", first.value, 0),
        "value": Record(0, 0, first.key, first.value.replace(b"i0", b"i9"), 0),
    }[field]
    chain = Chain(3)
    chain.accept(changed)
    with pytest.raises(ChainBroken):
        chain.accept(second)


def test_another_partitions_history() -> None:
    """The same records in another place are another chain."""
    chain = Chain(4)
    first, second = history(2)
    chain.accept(first)
    with pytest.raises(ChainBroken):
        chain.accept(second)


def test_it_goes_on_from_any_head() -> None:
    """As a snapshot does."""
    records = history(3)
    head = link(3, 1, records[1].key, records[1].value)
    chain = Chain(3, head)
    chain.accept(records[2])
    with pytest.raises(ChainBroken):
        Chain(3, GENESIS).accept(records[2])


def test_what_cannot_be_read_is_named_by_partition_and_offset() -> None:
    """Somebody has to look at it."""
    with pytest.raises(UndecodableRecord, match="partition 3: offset 7"):
        Chain(3).accept(Record(7, 7, b"", b"x", 0))


@given(
    st.tuples(
        st.integers(0, 99), st.integers(0, 10**9), st.binary(max_size=9), st.binary(max_size=9)
    ),
    st.tuples(
        st.integers(0, 99), st.integers(0, 10**9), st.binary(max_size=9), st.binary(max_size=9)
    ),
)
def test_no_two_records_are_framed_alike(
    one: tuple[int, int, bytes, bytes], other: tuple[int, int, bytes, bytes]
) -> None:
    """Two links are equal only if all four parts are."""
    assert (link(*one) == link(*other)) is (one == other)


def test_the_border_between_key_and_value_counts() -> None:
    """The same bytes cut elsewhere are another record; so are digits that change their place."""
    assert link(0, 1, b"ab", b"c") != link(0, 1, b"a", b"bc")
    assert link(0, 1, b"", b"1:x") != link(0, 1, b"1", b":x")
    assert link(1, 11, b"k", b"v") != link(11, 1, b"k", b"v")
