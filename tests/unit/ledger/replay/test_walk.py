"""Which records count, whether they continue the chain, and what is missing."""

import msgspec
import pytest

from ledger.domain.facts import FORMAT_LEVEL, LevelRaised, Opened
from ledger.errors import ChainBroken, LevelUnsupported, UndecodableRecord, WrongLedger
from ledger.events.chain import GENESIS, link
from ledger.log import Record
from ledger.replay.walk import Gap, Walk
from tests.contract.read_models.cases import START_MS, MemoryLog, Teller, receipt
from tests.unit.ledger.replay.histories import told, walked


def test_void_records_are_counted_and_handed_out() -> None:
    """They are no part of history, and are named all the same."""
    teller, void = told(), list[Record]()
    walk = walked(teller.log.records[0], on_void=void.append)
    assert [(one.offset, one.stated) for one in void] == [(4, 3), (7, None)]
    assert (walk.counting, walk.void) == (len(teller.facts), 2)
    assert (walk.position, walk.head_offset) == (teller.end, teller.end - 1)
    assert walk.chain.head == teller.head


def test_it_can_be_walked_in_parts() -> None:
    """Wherever a slice ends."""
    records = told().log.records[0]
    for cut in range(len(records)):
        walk = Walk(0)
        facts = [*walk.facts(records[:cut]), *walk.facts(records[cut:])]
        assert [record.offset for record, _, _ in facts] == [
            record.offset for record in records if record.counts
        ]


def test_a_gap_is_accepted_if_the_chain_fits() -> None:
    """What is missing there was void."""
    records = [one for one in told().log.records[0] if one.counts]
    walk = walked(records)
    assert (walk.gaps, walk.open_gaps) == ([Gap(4, 4), Gap(7, 7)], [])


@pytest.mark.parametrize("missing", [1, 3, 9])
def test_a_missing_record_that_counted_is_found(missing: int) -> None:
    """With the place at which it is missing."""
    records = told().log.records[0]
    with pytest.raises(ChainBroken, match=f"partition 0: offset {missing} missing in the log"):
        walked([*records[:missing], *records[missing + 1 :]])


def test_several_missing_records_are_one_gap() -> None:
    """And so are those around a void one that is left."""
    records = told().log.records[0]
    with pytest.raises(ChainBroken, match=r"offsets 2 to 3, offsets 5 to 6 missing .* offset 8"):
        walked([one for one in records if one.offset not in (2, 3, 5, 6)])


def test_a_missing_end_is_an_open_gap() -> None:
    """Nothing behind it shows what lay there."""
    records = told().log.records[0]
    end = len(records)
    walk = walked(records[:-2])
    walk.reach(end)
    assert (walk.open_gaps, walk.position) == ([Gap(end - 2, end - 1)], end)
    assert "offsets" in str(walk.open_gaps[0])


@pytest.mark.parametrize(
    ("offset", "change", "error"),
    [
        (3, {"value": b"not JSON"}, UndecodableRecord),
        (3, {"key": b"banana"}, ChainBroken),
        (12, {"value": b"{}"}, UndecodableRecord),
    ],
)
def test_a_changed_record_is_found(
    offset: int, change: dict[str, bytes], error: type[Exception]
) -> None:
    """At its place, or at the next one that counts, whose prevhash tells."""
    records = told().log.records[0]
    records[offset] = msgspec.structs.replace(records[offset], **change)
    with pytest.raises(error, match=r"partition 0(:|,) offset \d+") as caught:
        walked(records)
    assert f"offset {offset if error is UndecodableRecord else offset + 2}" in str(caught.value)


def test_a_log_that_goes_back_is_refused() -> None:
    """Whatever gave its records out of order."""
    records = told().log.records[0]
    with pytest.raises(UndecodableRecord, match="offset 1: the log gave it behind offset 2"):
        walked([*records[:3], records[1]])


def test_the_first_record_opens_this_partition() -> None:
    """A log that begins otherwise is another one, or has lost its beginning."""
    other = Teller(MemoryLog(2), partition=1)
    with pytest.raises(WrongLedger, match="partition 0, offset 0: the first record is not"):
        walked(other.log.records[1])
    records = told().log.records[0]
    with pytest.raises(ChainBroken, match="offsets 0 to 1 missing"):
        walked(records[2:])


def test_a_second_opening_is_refused() -> None:
    """Even one that continues the chain."""
    teller = told()
    again = Opened(teller.end, "other", 0, 1, "murmur2", "EUR", FORMAT_LEVEL, START_MS)
    teller.lay(again)
    with pytest.raises(WrongLedger, match=rf"offset {again.offset}: .* a second time"):
        walked(teller.log.records[0])


def test_a_level_of_the_future_has_its_place() -> None:
    """Whoever reads it has to be upgraded."""
    teller = Teller(MemoryLog(1))
    teller.lay(LevelRaised(1, 99, START_MS))
    with pytest.raises(LevelUnsupported, match=r"partition 0, offset 1: .* level 99"):
        walked(teller.log.records[0])


def test_it_stops_in_front_of_what_was_recorded_later() -> None:
    """And stands there: the head is that of the last record before."""
    teller = told()
    records = teller.log.records[0]
    limit = teller.facts[2].recorded_ms
    walk = walked(records, recorded_ms_max=limit)
    assert (walk.stopped, walk.position, walk.counting) == (True, 3, 3)
    last = records[2]
    assert walk.chain.head == link(0, 2, last.key, last.value)
    # Before the beginning: the opening is known, and does not count.
    walk = walked(records, recorded_ms_max=START_MS - 1)
    assert (walk.position, walk.counting, walk.chain.head) == (0, 0, GENESIS)
    assert walk.opened is not None


def test_a_later_record_proves_a_gap() -> None:
    """Without moving the walk."""
    teller = Teller(MemoryLog(1))
    teller.void()
    teller.tell(receipt("m1", "apple"))
    records = teller.log.records[0]
    walk = walked(records[:1])
    walk.reach(2)
    head = walk.chain.head
    walk.prove(records[2])
    assert (walk.gaps, walk.open_gaps) == ([Gap(1, 1)], [])
    assert (walk.position, walk.chain.head) == (2, head)
