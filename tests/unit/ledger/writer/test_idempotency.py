"""Ids for ever: the window, the filter, and the border between them."""

import random
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.stock import PartitionState
from ledger.writer import filters, idempotency
from ledger.writer.digest import Digest
from ledger.writer.filters import BITS_PER_ID, OldIds, id_hash, id_hashes
from ledger.writer.idempotency import Window


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


def _pieces(old: OldIds, words: int) -> list[tuple[int, int, int, bytes]]:
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
    for piece in _pieces(old, 5):
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
    pieces = _pieces(filled([f"id-{number}" for number in range(50)]), 5)
    del pieces[lost]
    restored = OldIds()
    for piece in pieces:
        restored.restore(*piece)
    assert not restored.whole()


def test_a_filter_whose_predecessor_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Says so in a way that recovery understands."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    pieces = _pieces(filled([f"id-{number}" for number in range(200)]), 1_000)
    with pytest.raises(ValueError, match="comes after"):
        OldIds().restore(*pieces[1])


def window(limit: int) -> tuple[PartitionState, Window]:
    """An empty one, and the state whose ids it holds."""
    state = PartitionState()
    return state, Window(state, limit, OldIds())


def use(state: PartitionState, one: Window, start: int, count: int) -> None:
    """Records of these offsets use up ids named after them."""
    names = [f"id-{offset}" for offset in range(start, start + count)]
    state.ids.update(zip(names, range(start, start + count), strict=True))
    one.extend(count)


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_the_oldest_leave_and_are_remembered(limit: int) -> None:
    """Every id is in the window or in the filter, whatever the sizes of the batches."""
    (state, one), chance, offset, left = window(limit), random.Random(1), 0, 0
    while offset < 1_000:
        count = chance.choice([1, 2, 7, 60, 130])
        assert one.young == (offset == len(state.ids) and left == 0)
        use(state, one, offset, count)
        offset += count
        held = list(one.items())
        assert held == [(f"id-{n}", n) for n in range(offset - len(one), offset)]
        assert min(offset, limit) <= len(one) < limit + limit // 4 + 130
        assert one.start_offset() == offset - len(one)
        left = offset - len(one)
        assert len(state.ids) <= max(limit // 4, 1), "it would grow with the window"
        found = one.older([*dict(held), "another"])
        assert found | state.ids == dict(held)
        gone = [f"id-{number}" for number in range(left)]
        assert one.old.perhaps(gone) == gone
        assert one.older(gone) == {}
    assert left > 0


def test_generations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large the window is."""
    monkeypatch.setattr(idempotency, "GENERATION_IDS", 20)
    state, one = window(1_000_000)
    for start in range(0, 500, 10):
        use(state, one, start, 10)
        assert len(state.ids) < 20
    assert len(one) == 500


def test_what_is_walked_does_not_change() -> None:
    """A snapshot holds the ids of the moment at which it began."""
    state, one = window(50)
    use(state, one, 0, 33)
    walk = one.items()
    assert next(walk) == ("id-0", 0)
    use(state, one, 33, 500)
    assert [offset for _, offset in walk] == list(range(1, 33))


def test_a_window_that_is_not_full_starts_nowhere_special() -> None:
    """Nothing has left; empty, it has no start."""
    state, one = window(50)
    assert one.start_offset() is None
    assert one.young
    use(state, one, 7, 3)
    assert (one.start_offset(), len(one.old), one.young) == (7, 0, True)
    use(state, one, 10, 10)
    assert (one.start_offset(), len(one.old), one.young) == (7, 0, False)


def test_a_restored_window_shrinks_when_it_is_told() -> None:
    """It comes from a larger one."""
    state, one = window(16)
    for start in range(0, 100, 10):
        ids = {f"id-{offset}": offset for offset in range(start, start + 10)}
        one.restore(ids)
    assert (len(one), len(one.old), one.start_offset()) == (100, 0, 0)
    turns = 0
    while one.shrink(7):
        turns += 1
    assert turns == 80 // 7
    assert (len(one), len(one.old), one.start_offset()) == (20, 80, 80)
    assert one.older(["id-79", "id-80"]) == {"id-80": 80}
    assert not state.ids


def test_a_generation_that_leaves_is_known_all_the_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of it in the filter already, all of it still in the window; then it is gone."""
    monkeypatch.setattr(idempotency, "_LEAVING_MIN", 1)
    state, one = window(400)
    for start in range(0, 400, 10):
        use(state, one, start, 10)
    for offset in range(400, 800):
        use(state, one, offset, 1)
        names = [f"id-{number}" for number in range(offset + 1)]
        known = one.older(names) | state.ids
        assert set(names) - set(known) <= set(one.old.perhaps(names))
        assert 400 <= len(one) <= 400 + 400 // 4 + 400 // 16
    assert one.start_offset() == 800 - len(one)


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


@pytest.mark.parametrize("together", [True, False])
def test_one_by_one_or_together(together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Window and filter answer the same, however many ids are asked for at once."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    state, one = window(60)
    use(state, one, 0, 400)
    names = [f"id-{number}" for number in range(-50, 450)]
    step = len(names) if together else 1
    parts = [names[start : start + step] for start in range(0, len(names), step)]
    found: dict[str, int] = {}
    for part in parts:
        found |= one.older(part)
    left = 400 - len(one)
    assert found | state.ids == {f"id-{number}": number for number in range(left, 400)}
    gone = {f"id-{number}" for number in range(left)}
    suspects = {name for part in parts for name in one.old.perhaps(part)}
    assert gone <= suspects
    assert len(suspects - gone) < 50


def test_a_digest_forgets_what_left_and_nothing_else() -> None:
    """Also when it had to grow, and when a row is used again."""
    digest = Digest(20)
    generations = [[f"{part}-{number}" for number in range(20)] for part in range(40)]
    for part, names in enumerate(generations):
        digest.add(names)
        if part >= 15:
            digest.drop()
        for held in generations[max(0, part - 14) : part + 1]:
            assert digest.perhaps(held) == held
    others = [f"other-{number}" for number in range(2_000)]
    assert len(digest.perhaps(others)) < 200
    for _ in range(15):
        digest.drop()
    assert digest.perhaps(generations[-1]) == []
