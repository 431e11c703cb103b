"""What waits for a partition: submissions, in order, bounded, taken in slices."""

import asyncio
import math
from collections import deque
from collections.abc import Sequence

from ledger.domain.facts import Command
from ledger.writer.outcomes import Counted, Outcome

# No submission gets more than this many commands decided while others wait.
SLICE_COMMANDS = 250
QUEUE_FULL = "the queue of this partition is full"


class Request:
    """One caller's wait for the submissions it was split into."""

    __slots__ = ("_open", "done", "expired", "expires_at", "traceparent", "trail")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        traceparent: bytes | None = None,
        trail: bytes | None = None,
    ) -> None:
        """Nothing submitted yet. `traceparent` and `trail` go along with what is written for it."""
        self.traceparent = traceparent
        self.trail = trail
        self._open = 0
        self.expired = False
        # The loop's time at which the caller stops waiting.
        self.expires_at = math.inf
        self.done: asyncio.Future[None] = loop.create_future()

    def expire(self) -> None:
        """The caller has waited long enough, unless everything was answered just now."""
        if not self.done.done():
            self.expired = True
            self.done.set_result(None)

    def seconds_left(self) -> float:
        """How long the caller still waits."""
        return max(0.0, self.expires_at - self.done.get_loop().time())

    def opened(self) -> None:
        """One more submission belongs to the request."""
        self._open += 1

    def finished(self) -> None:
        """One submission is answered; the last one wakes the caller."""
        self._open -= 1
        if self._open == 0 and not self.done.done():
            self.done.set_result(None)


class Submission:
    """Commands of one caller for one partition, in order, and what became of each."""

    __slots__ = (
        "_stated",
        "actor",
        "ahead",
        "answered",
        "cancelled",
        "commands",
        "forwarded",
        "next",
        "outcomes",
        "request",
        "sound",
    )

    def __init__(
        self,
        commands: Sequence[Command],
        actor: str | None,
        request: Request,
        *,
        forwarded: bool = False,
        sound: bool = False,
    ) -> None:
        """Nothing is decided yet. `next` is the first command not yet handed to a batch.

        `forwarded`: another instance sent it here; it must not be sent on. `sound`: all ids and
        references were found well formed (`checks.all_sound`); False says nothing.
        """
        self.sound = sound
        self.commands = commands
        self.outcomes: list[Outcome | None] = [None] * len(commands)
        self.actor = actor
        self.request = request
        self.next = 0
        # How many from `next` on are answered all the same: those are gaps, not handed out again.
        self.ahead = 0
        self.answered = 0
        self.cancelled = False
        self.forwarded = forwarded
        # Command to what appends of unknown outcome say of it; mostly none.
        self._stated: dict[int, list[Outcome]] = {}
        request.opened()

    def answer(self, index: int, outcome: Outcome) -> None:
        """What became of one command."""
        self.outcomes[index] = outcome
        self.answered += 1
        if self.answered == len(self.commands):
            self.request.finished()

    def answer_all(
        self, start: int, outcomes: Sequence[Outcome | None], *, gaps: bool = True
    ) -> None:
        """What became of a run of commands; None, where there are `gaps`, if that is still being
        looked up."""
        if gaps and None in outcomes:
            for index, outcome in enumerate(outcomes, start):
                if outcome is not None:
                    self.answer(index, outcome)
            return
        self.outcomes[start : start + len(outcomes)] = outcomes
        self.answered += len(outcomes)
        if self.answered == len(self.commands):
            self.request.finished()

    def note_stated(self, start: int, outcomes: Sequence[Outcome | None]) -> None:
        """An append of unknown outcome held a run of commands: it may land even much later."""
        for index, outcome in enumerate(outcomes, start):
            if isinstance(outcome, Counted):
                self._stated.setdefault(index, []).append(outcome)

    def note_unsure(self, index: int) -> None:
        """An append of another instance held a command, and its outcome is unknown."""
        self._stated.setdefault(index, [])

    def unsure(self, index: int) -> bool:
        """Whether a command may land by an append that nobody waits for any more."""
        return index in self._stated

    def stated(self, index: int, fact: Outcome) -> bool:
        """Whether a fact that counts landed by such an append: then it is no replay."""
        return fact in self._stated.get(index, ())

    def unanswered(self) -> list[int]:
        """The commands not handed out, without those that are answered."""
        rest = range(self.next, len(self.commands))
        return [index for index in rest if self.outcomes[index] is None] if self.ahead else [*rest]

    def hand_out(self, stop: int) -> int:
        """Where the run of unanswered commands ends that begins at `next`, at `stop` at the latest.

        `next` moves on to the first unanswered command behind it.
        """
        outcomes = self.outcomes
        answered = (index for index in range(self.next, stop) if outcomes[index] is not None)
        self.next = end = next(answered, stop)
        while self.next < len(outcomes) and outcomes[self.next] is not None:
            self.next += 1
        self.ahead -= self.next - end
        return end

    def give_back(self, start: int) -> int:
        """Commands handed out, from `start` on, are not any more, unless they are answered.

        Returns how many it are.
        """
        count = sum(outcome is None for outcome in self.outcomes[start : self.next])
        self.ahead += self.next - start - count
        self.next = start
        return count


class Queue:
    """Submissions of one partition. `waiting` counts commands, the bound is in commands too."""

    __slots__ = ("_submissions", "limit", "not_empty", "waiting")

    def __init__(self, limit: int) -> None:
        """Holds at most `limit` commands."""
        self._submissions: deque[Submission] = deque()
        self.limit = limit
        self.waiting = 0
        self.not_empty = asyncio.Event()

    def offer(self, submission: Submission, elsewhere: int = 0) -> bool:
        """Queue a submission; False if there is no room for all of it.

        `elsewhere` counts commands that have left the queue and still wait for their answer.
        """
        count = len(submission.commands)
        if self.waiting + elsewhere + count > self.limit and (self._submissions or elsewhere):
            return False
        self.waiting += count
        self._submissions.append(submission)
        self.not_empty.set()
        return True

    async def wait(self, seconds: float) -> None:
        """Wait until something is offered, or somebody sets `not_empty`; at most so long."""
        self.not_empty.clear()
        wake = asyncio.get_running_loop().call_later(seconds, self.not_empty.set)
        try:
            await self.not_empty.wait()
        finally:
            wake.cancel()

    def take(self) -> tuple[Submission, int, int] | None:
        """The next slice: a submission and the range of its commands. None if nothing waits.

        What is left of a long submission goes to the end of the queue, so that nobody starves.
        """
        while self._submissions:
            submission = self._submissions.popleft()
            start = submission.next
            end = len(submission.commands)
            if submission.cancelled:
                self.waiting -= end - start - submission.ahead
                continue
            stop = min(end, start + SLICE_COMMANDS)
            if submission.ahead:
                stop = submission.hand_out(stop)
            else:
                submission.next = stop
            self.waiting -= stop - start
            if submission.next < end:
                self._submissions.append(submission)
            return submission, start, stop
        self.not_empty.clear()
        return None

    def ahead(self, count_max: int) -> list[Command]:
        """The commands that are taken next, at most so many; they stay where they are."""
        commands: list[Command] = []
        for submission in self._submissions:
            left = count_max - len(commands)
            if left <= 0:
                break
            if submission.cancelled:
                continue
            start = submission.next
            commands += submission.commands[start : start + min(left, SLICE_COMMANDS)]
        return commands

    def put_back(self, submission: Submission, start: int) -> None:
        """Undecided commands from `start` on come first again, in their old order.

        What of them is answered stays so. If the rest of the submission waits at the end of the
        queue, it joins them in front.
        """
        if submission.cancelled:
            # Its caller has been answered; whatever of it still waits is dropped by `take`.
            return
        if submission.next < len(submission.commands):
            self._submissions.remove(submission)
        self.waiting += submission.give_back(start)
        self._submissions.appendleft(submission)
        self.not_empty.set()

    def withdraw(self, submission: Submission) -> None:
        """What of a submission still waits is not handed out. Whoever calls answers it."""
        if submission.cancelled:
            # Its caller has been answered; `take` drops it.
            return
        if rest := len(submission.unanswered()):
            self._submissions.remove(submission)
            self.waiting -= rest
        submission.next, submission.ahead = len(submission.commands), 0

    def drain(self) -> list[Submission]:
        """Take everything out, to be refused."""
        drained = [entry for entry in self._submissions if not entry.cancelled]
        self._submissions.clear()
        self.waiting = 0
        self.not_empty.clear()
        return drained
