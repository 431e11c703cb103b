"""What a writer has in hand: slices taken from the queue, neither answered nor put back."""

import asyncio
import logging
import sys

from ledger.errors import LedgerError
from ledger.writer.outcomes import Outcome, Unavailable, Unknown
from ledger.writer.queue import Queue, Submission

_log = logging.getLogger(__name__)


class Hand:
    """Slices in the order in which they were taken. Each of their commands is owed an answer."""

    __slots__ = ("slices",)

    def __init__(self) -> None:
        """Empty."""
        self.slices: list[tuple[Submission, int, int]] = []

    def put_back(self, queue: Queue, position: int = 0, start: int | None = None) -> None:
        """Give back the slices from `position` on, the first of them only from `start` on."""
        rest = self.slices[position:]
        del self.slices[position:]
        if rest and start is not None:
            submission, first, stop = rest[0]
            rest[0] = (submission, start, stop)
            if start > first:
                self.slices.append((submission, first, start))
        for submission, first, _ in reversed(rest):
            queue.put_back(submission, first)

    def answer_now(self, position: int, queue: Queue, why: str) -> None:
        """Answer a slice that cannot be decided now, and all that follows it in its submission.

        For good, and nothing behind it counts either: whoever sends the same ids once more, as
        another instance does that has heard no answer, finds them in their order.
        """
        submission, start, _ = self.slices[position]
        rest = self.slices[position:]
        self.slices[position:] = [one for one in rest if one[0] is not submission]
        _answer_from(submission, start, queue, why)

    def give_up(self, queue: Queue, why: str) -> None:
        """Answer everything, and what follows it: nothing of it was written, unless an earlier
        append still lands."""
        for submission, start, _ in self.slices:
            _answer_from(submission, start, queue, why)
        self.slices.clear()

    def unknown(self, why: str) -> None:
        """Answer everything: it may or may not have been written."""
        for submission, start, stop in self.slices:
            for index in range(start, stop):
                if submission.outcomes[index] is None:
                    submission.answer(index, Unknown(submission.commands[index].id or "", why))
        self.slices.clear()


def stop(hand: Hand, queue: Queue, partition: int, why: str) -> None:
    """Answer everything for the last time, and say in the log that the partition is stopped.

    Call it where the error is handled: the traceback of a defect goes into the log too.
    """
    error = sys.exception()
    known = isinstance(error, LedgerError | asyncio.CancelledError | None)
    _log.error("partition %d is stopped: %s", partition, why, exc_info=None if known else error)
    hand.unknown(why)
    refuse_all(queue, f"partition {partition} is stopped: {why}")


def _answer_from(submission: Submission, start: int, queue: Queue, why: str) -> None:
    queue.withdraw(submission)
    for index in range(start, len(submission.commands)):
        if submission.outcomes[index] is None:
            submission.answer(index, not_now(submission, index, why))


def not_now(submission: Submission, index: int, why: str) -> Outcome:
    """Unavailable; Unknown for a command that an append of unknown outcome may yet bring."""
    identity = submission.commands[index].id
    if submission.unsure(index):
        return Unknown(identity or "", why)
    return Unavailable(identity, why)


def refuse(submission: Submission, why: str) -> None:
    """Answer all of a submission that was not handed out: it cannot be decided now."""
    for index in submission.unanswered():
        submission.answer(index, not_now(submission, index, why))


def refuse_all(queue: Queue, why: str) -> None:
    """Answer everything that waits."""
    for submission in queue.drain():
        refuse(submission, why)
