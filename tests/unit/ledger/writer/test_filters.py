"""The filter of ids: what it knows, how it grows, and how it hashes."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.writer import filters
from ledger.writer.filters import BITS_PER_ID, OldIds, id_hash, id_hashes


def filled(names: list[str]) -> OldIds:
    """A filter that knows these."""
    old = OldIds()
    old.add(names)
    return old


@given(st.lists(st.text(min_size=1, max_size=20), unique=True, max_size=200))
def test_an_id_that_was_added_is_never_missed(names: list[str]) -> None:
    """Whatever it looks like."""
    assert filled(names).perhaps(names) == names


@pytest.mark.parametrize("style", ["uuid", "counted", "padded"])
def test_few_new_ids_are_taken_for_old(style: str) -> None:
    """Fewer than one in a thousand, also for ids that differ in a few digits only."""
    chance = random.Random(0)
    count = 200_000

    def name(number: int) -> str:
        match style:
            case "uuid":
                return str(uuid.UUID(int=chance.getrandbits(128)))
            case "counted":
                return f"order-{number}"
            case _:
                return f"{number:020d}"

    names = [name(number) for number in range(2 * count)]
    old = filled(names[:count])
    assert old.perhaps(names[:count]) == names[:count]
    assert len(old.perhaps(names[count:])) < count / 1_000


def test_it_grows_and_forgets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """By larger and larger filters, of four bytes an id."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    names = [f"id-{number}" for number in range(5_000)]
    old = filled(names)
    assert old.perhaps(names) == names
    assert len(old) == 5_000
    assert [part.capacity for part in old.filters] == [64, 256, 1_024, 4_096]
    assert all(len(part.words) * 64 == part.capacity * BITS_PER_ID for part in old.filters)


def test_an_empty_filter_knows_nothing() -> None:
    """And is false, so that nobody asks it."""
    old = OldIds()
    assert not old
    assert old.perhaps(["a"]) == []
    assert filled(["a"])


def pieces(old: OldIds, words: int) -> list[tuple[int, int, int, bytes]]:
    """What a snapshot stores of a filter, so many words at a time."""
    return [
        (number, part.capacity, part.count, part.words[start : start + words].tobytes())
        for number, part in enumerate(old.filters)
        for start in range(0, len(part.words), words)
    ]


def test_it_is_restored_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the same filter, which then goes on."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    names = [f"id-{number}" for number in range(500)]
    old, restored = filled(names), OldIds()
    for piece in pieces(old, 5):
        assert not restored.whole() or not restored.filters or piece[3]
        restored.restore(*piece)
    assert restored.whole()
    assert [part.words for part in restored.filters] == [part.words for part in old.filters]
    restored.add(["new"])
    assert restored.perhaps(["new", *names]) == ["new", *names]


@pytest.mark.parametrize("lost", [0, 3, -1])
def test_a_filter_with_a_hole_is_not_whole(lost: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever piece is missing."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    some = pieces(filled([f"id-{number}" for number in range(50)]), 5)
    del some[lost]
    restored = OldIds()
    for piece in some:
        restored.restore(*piece)
    assert not restored.whole()


def test_a_filter_whose_predecessor_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says so in a way that recovery understands."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    some = pieces(filled([f"id-{number}" for number in range(200)]), 1_000)
    with pytest.raises(ValueError, match="comes after"):
        OldIds().restore(*some[1])


def test_what_was_asked_is_not_taken_for_what_is_added() -> None:
    """Their hashes are used again only if they are the same ids in the same order."""
    names = [f"id-{number}" for number in range(300)]
    for added in (names, names[:40], names[1:], [*names, "more"], names[::-1], ["x", *names[1:]]):
        old = filled(["before"])
        assert old.perhaps(names) == []
        old.add(added)
        assert old.perhaps(added) == added
        assert len(old.perhaps([f"new-{number}" for number in range(2_000)])) < 20
        assert len(old) == 1 + len(added)


PINNED = [9693246245718318424, 12604283986796189298, 14031400602069220011]


def test_the_hash_of_an_id_never_changes() -> None:
    """Filters in snapshots are made of it, and outlive the process that made them."""
    assert [id_hash(name) for name in ("", "a", "01a20137-7c99-73eb-9b80-a338fb238fec")] == PINNED


ODD_IDS = [
    "", "\0", "a\0", "é", "\U0001f4e6", "x" * 56, "x" * 57, "\x7f" * 56, "a" * 8, "b" * 9,
]  # fmt: skip


@given(st.lists(st.text(st.characters(max_codepoint=127), max_size=56), min_size=1), st.data())
def test_many_are_hashed_as_one_is(ids: list[str], data: st.DataObject) -> None:
    """Whatever their length; and if one of them cannot be hashed with the others."""
    many = (ids * 200)[: data.draw(st.integers(200, 400))]
    for some in (many, [*many, data.draw(st.sampled_from(ODD_IDS))], many[:10]):
        assert id_hashes(some).tolist() == [id_hash(name) for name in some]


def test_the_hash_of_what_leaves_nothing() -> None:
    """An id of which Python's prime leaves 0 is one of which it leaves itself, in the sums."""
    prime, chance = 2**61 - 1, random.Random(1)
    while True:
        upper = "".join(chance.choices("0123456789abcdef", k=24)).encode()
        rest = -int.from_bytes(bytes(8) + upper, "little") % prime
        name = rest.to_bytes(8, "little") + upper
        if name.isascii():
            break
    assert int.from_bytes(name, "little") % prime == 0
    assert id_hashes([name.decode()] * 300).tolist() == [id_hash(name.decode())] * 300
