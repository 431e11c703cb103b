"""Until when callers wait, with one timer of the event loop for all of them.

Nearly every caller is answered within milliseconds. A timer for each, set and cancelled, costs as
much as deciding a movement does.
"""

import asyncio
from collections.abc import Sequence

from ledger.writer.outcomes import Unavailable, Unknown
from ledger.writer.queue import Request, Submission


class Deadlines:
    """Expires the requests that are still added when their time is up."""

    __slots__ = ("_by_seconds", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody waits yet. For use in `loop` only, which is remembered because asking costs."""
        self.loop = loop
        # Of one length of waiting, who came first also expires first.
        self._by_seconds: dict[float, _Waiting] = {}

    def add(self, request: Request, seconds: float) -> None:
        """Expire the request in so many seconds, unless it is removed before."""
        waiting = self._by_seconds.get(seconds)
        if waiting is None:
            waiting = self._by_seconds[seconds] = _Waiting()
        expires_at = self.loop.time() + seconds
        waiting[request] = request.expires_at = expires_at
        if waiting.timer is None:
            waiting.timer = self.loop.call_at(expires_at, self._expire, seconds)

    def remove(self, request: Request, seconds: float) -> None:
        """The request was answered; `seconds` as when it was added."""
        waiting = self._by_seconds.get(seconds)
        if waiting is not None:
            waiting.pop(request, None)

    async def wait(
        self, request: Request, submissions: Sequence[Submission], seconds: float
    ) -> None:
        """Wait until the request is answered or its time is up; then every command has an outcome.

        A caller that is cancelled leaves; what of its commands still waits is dropped.
        """
        self.add(request, seconds)
        try:
            await request.done
        except asyncio.CancelledError:
            for submission in submissions:
                submission.cancelled = True
            raise
        finally:
            self.remove(request, seconds)
        if request.expired:
            for submission in submissions:
                _abandon(submission)

    def close(self) -> None:
        """Stop the timers; nobody waits any more."""
        for waiting in self._by_seconds.values():
            if waiting.timer is not None:
                waiting.timer.cancel()
        self._by_seconds.clear()

    def _expire(self, seconds: float) -> None:
        waiting = self._by_seconds[seconds]
        now = self.loop.time()
        for request, expires_at in [*waiting.items()]:
            if expires_at > now:
                waiting.timer = self.loop.call_at(expires_at, self._expire, seconds)
                return
            del waiting[request]
            request.expire()
        # Not kept, or lengths that are never used again would pile up.
        del self._by_seconds[seconds]


class _Waiting(dict[Request, float]):
    """Requests of one length of waiting, in order, each with the loop's time of its end."""

    timer: asyncio.TimerHandle | None = None


def _abandon(submission: Submission) -> None:
    """The caller waits no longer: tell what is known of each command."""
    submission.cancelled = True
    for index, outcome in enumerate(submission.outcomes):
        if outcome is None:
            name = submission.commands[index].id
            if index < submission.next or submission.unsure(index):
                submission.outcomes[index] = Unknown(name or "", "no answer from the log in time")
            else:
                submission.outcomes[index] = Unavailable(name, "the queue was not reached in time")
