"""Why requests are answered with 503: in the log once, not once a request.

Callers hear general words only. What a broker or a database says names hosts and files, and is for
the operator; the log masks what is secret in it.
"""

import time
from collections.abc import Callable
from typing import Final

import structlog

# As long as the same cause lasts it is logged again after this time.
REPEAT_SECONDS: Final = 60.0
# Causes whose text is always another one must not fill the disk either.
PAUSE_SECONDS: Final = 1.0

_log = structlog.get_logger("api.faults")


class FaultLog:
    """Remembers, for each source of faults, what was logged last, and logs what is new."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nothing is logged yet. `clock` gives seconds."""
        self._clock = clock
        self._last: dict[str | int, tuple[str, float]] = {}

    def of_partition(self, partition: int, cause: str) -> None:
        """A partition could not write, or could not say whether it did."""
        if self._is_new(partition, cause):
            _log.warning("writes_unavailable", partition=partition, cause=cause)

    def of_error(self, error: Exception) -> None:
        """Something a request needs is not there: the log, the views' database, a whole view."""
        kind, cause = type(error).__name__, str(error)
        if self._is_new(kind, cause):
            _log.warning("requests_unavailable", fault=kind, cause=cause)

    def _is_new(self, source: str | int, cause: str) -> bool:
        now = self._clock()
        known, logged_at = self._last.get(source, ("", -REPEAT_SECONDS))
        pause = REPEAT_SECONDS if known == cause else PAUSE_SECONDS
        if now - logged_at < pause:
            return False
        self._last[source] = (cause, now)
        return True


# One for the process, as its log is.
FAULTS: Final = FaultLog()
