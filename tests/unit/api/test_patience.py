"""What is waited for has to change for the time to begin anew."""

from api.limits import HEAD_SECONDS_MAX, UNREAD_SECONDS_MAX
from api.patience import Patience


def test_answers() -> None:
    """Some of them must be read now and then."""
    patience = Patience()
    assert not patience.ended_unread(5, 10.0)
    assert not patience.ended_unread(5, 10.0 + UNREAD_SECONDS_MAX - 1)
    assert patience.ended_unread(5, 10.0 + UNREAD_SECONDS_MAX)
    assert not patience.ended_unread(4, 10.0 + UNREAD_SECONDS_MAX)


def test_requests() -> None:
    """Each has its time, and its head has one of its own."""
    patience, first, second = Patience(), object(), object()
    for turn, how in enumerate(((first, False), (first, True), (second, False))):
        since = turn * HEAD_SECONDS_MAX
        assert not patience.ended_idle(how, since)
        assert not patience.ended_idle(how, since + HEAD_SECONDS_MAX - 1)
    assert patience.ended_idle((second, False), 3 * HEAD_SECONDS_MAX)


def test_work() -> None:
    """What came before it is over, even if the same is waited for again."""
    patience, behind = Patience(), (None, False)
    assert not patience.ended_unread(5, 0.0)
    patience.at_work()
    assert not patience.ended_unread(5, UNREAD_SECONDS_MAX)
    assert not patience.ended_idle(behind, UNREAD_SECONDS_MAX)
    patience.at_work()
    assert not patience.ended_idle(behind, 2 * UNREAD_SECONDS_MAX)
