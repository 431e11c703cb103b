"""Notices that a member of a group joins again and again and gains nothing by it."""

from collections import deque
from typing import Final

# So many times the same share within so many seconds, and somebody else uses the same identity:
# each of the two takes it from the other by joining.
REJOINS_MAX: Final = 5
WINDOW_SECONDS: Final = 10.0
# How long to stay away: the first time and at most, twice as long each time in between.
PAUSE_SECONDS: Final = (2.0, 60.0)
# After so many pauses without trouble it is over.
QUIET_PAUSES: Final = 3


class Rejoins:
    """Counts joins of one member. Times are the loop's, in seconds."""

    def __init__(self) -> None:
        """It has not joined yet."""
        self._joined_at: deque[float] = deque()
        self._share: frozenset[int] | None = None
        self._pause = 0.0

    @property
    def troubled(self) -> bool:
        """Whether it was too often lately."""
        return self._pause > 0

    def joined(self, now: float, share: frozenset[int]) -> bool:
        """Note a join; True if it was one too many.

        Joins that bring another share, or none, come from members that come and go.
        """
        if share != self._share or not share:
            self._joined_at.clear()
            self._share = share
        times = self._joined_at
        times.append(now)
        while times[0] < now - WINDOW_SECONDS:
            times.popleft()
        return len(times) > REJOINS_MAX

    def pause(self) -> float:
        """How many seconds to stay away this time."""
        self._joined_at.clear()
        self._pause = min(2 * self._pause, PAUSE_SECONDS[1]) or PAUSE_SECONDS[0]
        return self._pause

    def quiet(self, now: float) -> bool:
        """Whether the trouble is over by now; then it is forgotten."""
        quiet_since = self._joined_at[-1] if self._joined_at else now
        if now - quiet_since < max(WINDOW_SECONDS, QUIET_PAUSES * self._pause):
            return False
        self._pause = 0.0
        return True
