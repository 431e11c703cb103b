"""Whatever is done to a log behind a seal is found, and the place is named."""

import pickle

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.events.chain import link
from ledger.log import Record
from ops.seals.check import Seals
from ops.seals.documents import SignedSeal
from ops.seals.watch import SealDifference
from tests.unit.ops.seals.histories import history, rechained, sealed

COUNT = 40


def compared(seals: Seals, records: list[Record], end: int | None = None) -> list[SealDifference]:
    """What the watch says about these records, whether or not their chain fits."""
    watch = pickle.loads(pickle.dumps(seals.watch(0)))
    for one in records:
        if one.counts:
            watch.add(one.offset, link(0, one.offset, one.key, one.value))
    found: list[SealDifference] = watch.finish(len(records) if end is None else end)
    return found


def seals_at(records: list[Record], *ends: int) -> Seals:
    """Seals of the first so many records, each behind the one before."""
    made: list[SignedSeal] = []
    for end in ends:
        made.append(sealed(records[:end], before=made[-1].seal if made else None))
    return Seals([one.seal for one in made], ["key"], authentic=True)


@settings(max_examples=25)
@given(
    st.integers(1, COUNT), st.integers(0, COUNT - 1), st.sets(st.integers(1, COUNT - 1), max_size=8)
)
def test_an_untouched_history_is_as_it_was_sealed(first: int, more: int, voids: set[int]) -> None:
    """However it is cut into seals, and whatever came behind them."""
    records = history(COUNT, voids=voids)
    seals = seals_at(records, first, min(COUNT, first + more))
    assert compared(seals, records) == []
    assert compared(seals, records[: seals.last.partitions[0].next_offset]) == []


CHANGES = ("changed", "removed", "swapped", "inserted", "voided")


def spoilt(records: list[Record], how: str, at: int) -> list[Record]:
    """The log after a change at an offset, each record at its place."""
    spoilt = list(records)
    one = spoilt[at]
    if how == "changed":
        value = one.value.replace(b'"instance":"i', b'"instance":"j')
        value = value.replace(b'"currency":"EUR', b'"currency":"USD')
        spoilt[at] = msgspec.structs.replace(one, value=value)
    elif how == "removed":
        del spoilt[at]
    elif how == "swapped":
        spoilt[at], spoilt[at - 1] = spoilt[at - 1], spoilt[at]
    elif how == "inserted":
        spoilt.insert(at, msgspec.structs.replace(one, key=b"another"))
    else:
        spoilt[at] = msgspec.structs.replace(one, stated=None)
    return [
        msgspec.structs.replace(record, offset=offset, stated=offset if record.counts else None)
        for offset, record in enumerate(spoilt)
    ]


@settings(max_examples=25)
@given(
    st.sampled_from(CHANGES),
    st.integers(1, COUNT - 1),
    st.integers(2, COUNT),
    st.booleans(),
)
def test_whatever_is_changed_is_found(how: str, at: int, first: int, again: bool) -> None:
    """At its place or before it, even if the chain is made anew from there on."""
    records = history(COUNT)
    seals = seals_at(records, first, COUNT)
    changed = spoilt(records, how, at)
    if again:
        changed = rechained(changed)
    [found] = compared(seals, changed)
    assert found.code == "seal_differs" or (found.code, how) == ("shorter_than_seal", "removed")
    assert found.offset <= at
    # What the seal before covers is known to be sound.
    if at > first:
        assert found.offset >= first


def test_the_last_record_is_covered() -> None:
    """No later record would tell."""
    records = history(COUNT)
    [found] = compared(seals_at(records, COUNT), spoilt(records, "changed", COUNT - 1))
    assert (found.code, found.partition) == ("seal_differs", 0)
    assert found.offset <= COUNT - 1
    assert "is not what was sealed by number 1" in found.text


def test_a_log_that_ends_too_early() -> None:
    """Shorter, or with fewer records that count."""
    records = history(8)
    seals = seals_at(records, 8)
    [found] = compared(seals, records[:6])
    assert (found.code, found.offset) == ("shorter_than_seal", 0)
    assert found.text == "the log ends at offset 6; the seal number 1 knows it up to 8"
    [found] = compared(seals_at(records, 4, 8), records[:6])
    assert (found.code, found.offset) == ("shorter_than_seal", 4)
    [found] = compared(seals_at(records, 4, 8), records[:6], end=8)
    assert (found.code, found.offset) == ("seal_differs", 4)
    assert found.text == "2 records are missing that were sealed by number 2"


@pytest.mark.parametrize("ends", [(9,), (6, 9)])
def test_a_void_record_that_was_made_to_count(ends: tuple[int, ...]) -> None:
    """Behind the last one that counted, where no chain would tell."""
    records = history(9, voids={6, 7, 8})
    seals = seals_at(records, *ends)
    assert compared(seals, records) == []
    longer = history(9, voids={7, 8})
    [found] = compared(seals, longer)
    assert (found.code, found.offset) == ("seal_differs", 6)
    assert "a record counts that did not when it was sealed" in found.text


def test_other_ledgers() -> None:
    """A sentence each."""
    seals = seals_at(history(3), 3)
    assert seals.other_ledger(seals.last.ledger_id, 1) is None
    assert "is of ledger" in str(seals.other_ledger("other", 1))
    assert "1 partitions, the log has 2" in str(seals.other_ledger(seals.last.ledger_id, 2))
    # Nothing is known of the second one.
    watch = seals.watch(1)
    watch.add(0, "0" * 64)
    assert watch.finish(1) == []
