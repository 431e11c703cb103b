"""When joining again and again is trouble, and when it is over."""

from ledger.adapters.kafka_rejoins import (
    PAUSE_SECONDS,
    QUIET_PAUSES,
    REJOINS_MAX,
    WINDOW_SECONDS,
    Rejoins,
)

SHARE = frozenset({0, 1})


def join_often(rejoins: Rejoins, start: float, count: int) -> list[bool]:
    """So many joins with the same share, 0.4 seconds apart."""
    return [rejoins.joined(start + 0.4 * number, SHARE) for number in range(count)]


def test_the_same_share_too_often_is_trouble() -> None:
    """The limit itself is still good."""
    answers = join_often(Rejoins(), 100.0, REJOINS_MAX + 1)
    assert answers == [False] * REJOINS_MAX + [True]


def test_slow_joins_are_good() -> None:
    """As many as there may be in a window, for ever."""
    rejoins = Rejoins()
    step = WINDOW_SECONDS / (REJOINS_MAX - 1)
    assert not any(rejoins.joined(step * number, SHARE) for number in range(50))


def test_other_shares_come_from_members_that_come_and_go() -> None:
    """Many instances that start at once change each other's share; without one, nobody fights."""
    rejoins = Rejoins()
    assert not any(rejoins.joined(0.1 * size, frozenset(range(size))) for size in range(40))
    assert not any(rejoins.joined(0.1 * number, frozenset()) for number in range(40))


def test_pauses_grow_and_end_with_the_trouble() -> None:
    """Twice as long each time up to a limit; after a quiet time from the start again."""
    rejoins = Rejoins()
    assert not rejoins.troubled
    pauses = [rejoins.pause() for _ in range(8)]
    assert pauses[:3] == [PAUSE_SECONDS[0], 2 * PAUSE_SECONDS[0], 4 * PAUSE_SECONDS[0]]
    assert pauses[-1] == PAUSE_SECONDS[1]
    assert rejoins.troubled
    rejoins.joined(1_000.0, SHARE)
    quiet_at = 1_000.0 + QUIET_PAUSES * PAUSE_SECONDS[1]
    assert not rejoins.quiet(quiet_at - 0.1)
    assert rejoins.troubled
    assert rejoins.quiet(quiet_at)
    assert not rejoins.troubled
    assert rejoins.pause() == PAUSE_SECONDS[0]
