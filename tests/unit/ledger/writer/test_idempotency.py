"""Ids for ever: the window, the filter, and the border between them."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.stock import PartitionState
from ledger.writer import filters, idempotency
from ledger.writer.filters import OldIds
from ledger.writer.idempotency import Window
from tests.unit.ledger.writer.test_filters import pieces


@pytest.fixture(autouse=True)
def _few_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of a few dozen ids have generations of more than one."""
    monkeypatch.setattr(idempotency, "_GENERATIONS_MIN", 4)


def window(limit: int) -> tuple[PartitionState, Window]:
    """An empty one, and the state whose ids it holds."""
    state = PartitionState()
    return state, Window(state, limit, OldIds())


def use(state: PartitionState, one: Window, start: int, count: int) -> None:
    """Records of these offsets use up ids named after them."""
    names = [f"id-{offset}" for offset in range(start, start + count)]
    state.ids.update(zip(names, range(start, start + count), strict=True))
    one.extend(count)


def assert_nobody_is_taken_for_new(
    one: Window, used: dict[str, int], state: PartitionState
) -> None:
    """Each id that was used is in the state, or the filter tells of it, asked for many or a few;
    and what it tells of is in the window, unless some have left that."""
    outside = [name for name in used if name not in state.ids]
    assert one.old.perhaps(outside) == outside
    assert one.old.perhaps(outside[-3:]) == outside[-3:]
    held = one.older(outside)
    assert held.items() <= used.items()
    assert len(held) + len(state.ids) == len(one)
    assert one.left == (len(held) < len(outside))
    assert one.young == (not outside)


@pytest.mark.parametrize("limit", [0, 1, 7, 50])
def test_the_oldest_leave_and_are_remembered(limit: int) -> None:
    """Every id is in the window or in the filter, whatever the sizes of the batches."""
    (state, one), chance, offset = window(limit), random.Random(1), 0
    used: dict[str, int] = {}
    while offset < 1_000:
        count = chance.choice([1, 2, 7, 60, 130])
        use(state, one, offset, count)
        used |= {f"id-{number}": number for number in range(offset, offset + count)}
        offset += count
        held = list(one.items())
        assert held == [(f"id-{n}", n) for n in range(offset - len(one), offset)]
        assert min(offset, limit) <= len(one) < limit + limit // 4 + 131
        assert one.start_offset() == (offset - len(one) if held else None)
        assert len(state.ids) <= max(limit // 4, 1), "it would grow with the window"
        assert_nobody_is_taken_for_new(one, used, state)
        assert one.older(["another"]) == {}
    assert one.left
    assert len(one.old) == len(used) - one._outside


def restored(one: Window, limit: int, step: int) -> tuple[PartitionState, Window]:
    """A window made of all that a snapshot holds of another."""
    state, copy = window(limit)
    one.enter()
    items = list(one.items())
    for start in range(0, len(items), step):
        copy.restore(dict(items[start : start + step]))
    for piece in pieces(one.old, 1_000):
        copy.old.restore(*piece)
    copy.restored()
    return state, copy


STEPS = st.lists(
    st.one_of(
        # So many ids; a batch that is undone; a window of another size made from a snapshot.
        st.tuples(st.just("use"), st.sampled_from([1, 3, 12, 40, 300])),
        st.tuples(st.just("undo"), st.sampled_from([1, 12, 40])),
        st.tuples(st.just("restore"), st.sampled_from([0, 1, 20, 60, 400])),
        st.tuples(st.just("ask"), st.sampled_from([3, 20, 200])),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(
    STEPS, st.sampled_from([0, 1, 20, 60, 400]), st.integers(1, 400), st.sampled_from([1, 4, 64])
)
def test_no_id_is_ever_taken_for_new(
    steps: list[tuple[str, int]], limit: int, entering: int, generations: int
) -> None:
    """Whatever happens to a window: batches that count or do not, snapshots, other sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filters, "_FIRST_FILTER_IDS", 64)
        patch.setattr(idempotency, "_ENTERING_MIN", entering)
        patch.setattr(idempotency, "_GENERATIONS_MIN", generations)
        state, one = window(limit)
        used: dict[str, int] = {}
        for what, size in steps:
            names = [f"id-{number}" for number in range(len(used), len(used) + size)]
            match what:
                case "use":
                    # As a writer does: it asks before it decides.
                    one.old.perhaps([*names, "ahead"])
                    use(state, one, len(used), size)
                    used |= {name: len(used) + place for place, name in enumerate(names)}
                case "undo":
                    state.ids.update(dict.fromkeys(names, 0))
                    for name in reversed(names):
                        del state.ids[name]
                case "restore":
                    state, one = restored(one, size, 25)
                    while one.shrink():
                        pass
                case _:
                    one.old.perhaps([*used][-size:])
            assert_nobody_is_taken_for_new(one, used, state)


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
    assert (one.start_offset(), one.left, one.young) == (7, False, True)
    use(state, one, 10, 10)
    assert (one.start_offset(), one.left, one.young) == (7, False, False)


def test_a_restored_window_shrinks_when_it_is_told() -> None:
    """It comes from a larger one."""
    larger_state, larger = window(1_000)
    use(larger_state, larger, 0, 100)
    state, one = restored(larger, 16, 10)
    assert (len(one), one.left, one.start_offset()) == (100, False, 0)
    turns = 0
    while one.shrink():
        turns += 1
        assert one.left
    assert turns == 8
    assert (len(one), len(one.old), one.start_offset()) == (20, 100, 80)
    assert one.older(["id-79", "id-80"]) == {"id-80": 80}
    assert not state.ids


def test_ids_enter_the_filter_many_at_once() -> None:
    """Each call costs as much as some hundred ids."""
    state, one = window(1_000_000)
    for offset in range(idempotency._ENTERING_MIN - 1):
        use(state, one, offset, 1)
    assert not one.old
    use(state, one, idempotency._ENTERING_MIN - 1, 1)
    assert len(one.old) == idempotency._ENTERING_MIN


@pytest.mark.parametrize("together", [True, False])
def test_one_by_one_or_together(together: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Window and filter answer the same, however many ids are asked for at once."""
    monkeypatch.setattr(filters, "_FIRST_FILTER_IDS", 64)
    state, one = window(60)
    for start in range(0, 400, 40):
        use(state, one, start, 40)
    names = [f"id-{number}" for number in range(-50, 450)]
    step = len(names) if together else 1
    parts = [names[start : start + step] for start in range(0, len(names), step)]
    found: dict[str, int] = {}
    for part in parts:
        found |= one.older(one.old.perhaps(part))
    left = 400 - len(one)
    assert left > 300
    assert found | state.ids == {f"id-{number}": number for number in range(left, 400)}
    used = {f"id-{number}" for number in range(400)}
    suspects = {name for part in parts for name in one.old.perhaps(part)}
    assert used - state.ids.keys() <= suspects <= {*names}
    assert len(suspects - used) < 10
