"""A partition that another instance writes: commands go there, their outcomes come back.

It takes submissions as a `PartitionWriter` does. Whatever goes wrong on the way, the same ids are
sent again until the caller waits no longer: ids make that harmless.
"""

import asyncio
from collections.abc import Callable

from ledger.errors import LedgerError
from ledger.events.levels import level_of_all
from ledger.ownership.directory import Directory
from ledger.ownership.lanes import Lane
from ledger.ownership.wire import Part, PartReply, Question, unwrap_outcomes, wrap_commands
from ledger.peers import PeerSilent, PeerUnreachable
from ledger.writer.hand import refuse
from ledger.writer.outcomes import Elsewhere, Outcome, Unavailable, Unknown
from ledger.writer.partition import PartitionWriter
from ledger.writer.queue import Request, Submission

PAUSE_SECONDS = (0.02, 0.3)
ASK_ATTEMPTS = 3
# A partition without an owner that answers gets no more waiting callers after this.
GRACE_SECONDS = 2.0
# How long to wait for an answer before looking whether somebody else is the owner by now, and how
# long behind its end whether a caller is gone.
LOOK_SECONDS = 1.0
BEHIND_SECONDS = 0.05
CLOSING = "the service is shutting down"


class OwnerUnknown(LedgerError):
    """The owner of a partition cannot be found, or does not answer."""


class RemotePartition:
    """Sends what is offered to whoever the directory believes to be the owner."""

    def __init__(
        self,
        partition: int,
        directory: Directory,
        lane: Callable[[str], Lane],
        *,
        own_url: str,
        commands_max: int,
    ) -> None:
        """`commands_max` bounds the commands on their way; `own_url` is never sent to."""
        self.partition = partition
        self.waiting = 0
        # Why the owner could not be reached lately, if so.
        self.failure: str | None = None
        # The writer of this instance, while it is the owner: what still waits here goes to it.
        self.own_writer: PartitionWriter | None = None
        self._directory = directory
        self._lane = lane
        self._own_url = own_url
        self._commands_max = commands_max
        self._down_since: float | None = None
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()

    def offer(self, submission: Submission) -> bool:
        """Take a submission. False if too much is on its way already.

        What came from another instance is not sent on; it goes back with `Elsewhere`.
        """
        indexes = submission.unanswered()
        if submission.forwarded:
            for index in indexes:
                submission.answer(index, Elsewhere(submission.unsure(index)))
            return True
        if self._closed or (self._tasks and self._down()):
            refuse(submission, CLOSING if self._closed else self.failure or "no owner answers")
            return True
        if self.waiting + len(indexes) > self._commands_max and self._tasks:
            return False
        self.waiting += len(indexes)
        task = asyncio.create_task(self._run(submission, indexes))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def ask(self, question: Question) -> list[Outcome]:
        """What the owner answers to a question. Raises OwnerUnknown."""
        try:
            url = await self._directory.owner(self.partition)
            for _ in range(ASK_ATTEMPTS):
                outcomes, why = await self._ask_one(url, question)
                if outcomes is not None:
                    return outcomes
                asked, url = url, await self._directory.look(self.partition)
                if url == asked:
                    raise OwnerUnknown(why)
        except (LedgerError, ValueError) as error:
            raise OwnerUnknown(str(error)) from error
        raise OwnerUnknown(f"the owner of partition {self.partition} changes all the time")

    async def _ask_one(
        self, url: str | None, question: Question
    ) -> tuple[list[Outcome] | None, str]:
        """What the instance at a URL answers; None and why, if it does not or is not the owner."""
        if not url or url == self._own_url:
            return None, "no other instance has claimed the partition"
        try:
            reply = await self._lane(url).ask(question)
        except (PeerUnreachable, PeerSilent) as error:
            return None, str(error)
        outcomes = unwrap_outcomes(reply.outcomes)
        if _elsewhere(outcomes):
            return None, "the instance that claimed the partition is not its owner"
        return outcomes, ""

    def close(self) -> None:
        """Give up what is on its way; each command is told what is known of it."""
        self._closed = True
        for task in self._tasks:
            task.cancel()

    def _down(self) -> bool:
        since = self._down_since
        return since is not None and asyncio.get_running_loop().time() > since + GRACE_SECONDS

    async def _run(self, submission: Submission, indexes: list[int]) -> None:
        pause = PAUSE_SECONDS[0]
        count = len(indexes)
        level = level_of_all(submission.commands)
        # Whether the last address tried was what another instance believes.
        by_hint = False
        try:
            while indexes and not submission.cancelled:
                tried = self._directory.believed(self.partition)
                if await self._attempt(submission, indexes, level):
                    self._down_since = self.failure = None
                    pause = PAUSE_SECONDS[0]
                    indexes = [index for index in indexes if submission.outcomes[index] is None]
                    continue
                # Of an older version, it refuses what it cannot read, and is there for the rest.
                if self._down_since is None and level == 1:
                    self._down_since = asyncio.get_running_loop().time()
                await asyncio.sleep(pause)
                pause = min(2 * pause, PAUSE_SECONDS[1])
                # A hint is tried once; two that are wrong could point at each other for ever.
                by_hint = not by_hint and self._directory.believed(self.partition) != tried
                if not by_hint:
                    await self._look()
        except asyncio.CancelledError:
            if not submission.cancelled:
                _give_up(submission, indexes)
            raise
        finally:
            self.waiting -= count

    async def _look(self) -> None:
        try:
            await self._directory.look(self.partition)
        except LedgerError as error:
            self.failure = str(error)

    async def _find_owner(self) -> str | None:
        """The URL to send to; None if there is nobody, and then `failure` says why."""
        try:
            url = await self._directory.owner(self.partition)
        except LedgerError as error:
            self.failure = str(error)
            return None
        if not url or url == self._own_url:
            self.failure = "no other instance has claimed the partition"
            return None
        return url

    async def _attempt(self, submission: Submission, indexes: list[int], level: int) -> bool:
        """Send once; False if nothing came of it."""
        if self.own_writer is not None:
            return await self._decide_here(self.own_writer, submission, indexes)
        url = await self._find_owner()
        # Meanwhile its caller may have been told that nothing was written.
        if url is None or submission.cancelled:
            return False
        # Until there is an answer nobody knows what became of them.
        before, submission.next = submission.next, len(submission.commands)
        try:
            reply = await self._exchange(url, submission, indexes, level)
        except (PeerUnreachable, PeerSilent) as error:
            if isinstance(error, PeerUnreachable):
                submission.next = before
            self.failure = str(error)
            return False
        return self._take(submission, indexes, reply, before)

    async def _decide_here(
        self, writer: PartitionWriter, submission: Submission, indexes: list[int]
    ) -> bool:
        """Hand in what is not answered yet, as if another instance had sent it."""
        loop = asyncio.get_running_loop()
        request = Request(loop, submission.request.traceparent, submission.request.trail)
        commands = [submission.commands[index] for index in indexes]
        rest = Submission(commands, submission.actor, request, forwarded=True)
        if not writer.offer(rest):
            self.failure = "the queue of this partition is full"
            return False
        before, submission.next = submission.next, len(submission.commands)
        expires = loop.call_at(submission.request.expires_at, request.expire)
        try:
            await request.done
        finally:
            expires.cancel()
            rest.cancelled = request.expired
        if request.expired:
            return False
        outcomes: list[Outcome] = rest.outcomes  # type: ignore[assignment]
        return self._hand_over(submission, indexes, outcomes, before)

    async def _exchange(
        self, url: str, submission: Submission, indexes: list[int], level: int
    ) -> PartReply:
        """Send a part and wait for its reply, for as long as its receiver may be the owner and its
        caller waits. What has not left by then is not sent.

        Raises PeerUnreachable, PeerSilent.
        """
        answered = self._lane(url).post(self._part(submission, indexes), level)
        try:
            while True:
                seconds = min(LOOK_SECONDS, submission.request.seconds_left() + BEHIND_SECONDS)
                if (await asyncio.wait((answered,), timeout=seconds))[0]:
                    return answered.result()
                if submission.cancelled:
                    raise PeerSilent(f"{url} does not answer in time")
                await self._look()
                if self._directory.believed(self.partition) != url or self.own_writer is not None:
                    raise PeerSilent(f"{url} does not answer and is not the owner any more")
        finally:
            answered.cancel()

    def _part(self, submission: Submission, indexes: list[int]) -> Part:
        request = submission.request
        return Part(
            self.partition,
            submission.actor,
            request.traceparent,
            request.seconds_left(),
            wrap_commands([submission.commands[index] for index in indexes]),
            request.trail,
        )

    def _take(
        self, submission: Submission, indexes: list[int], reply: PartReply, before: int
    ) -> bool:
        """Hand over what the owner answered; False if that was nothing."""
        try:
            outcomes = unwrap_outcomes(reply.outcomes)
            if reply.owner_url and _elsewhere(outcomes):
                self._directory.believe(self.partition, reply.owner_url)
            return self._hand_over(submission, indexes, outcomes, before)
        except ValueError as error:
            self.failure = f"the owner answered something else: {error}"
            return False

    def _hand_over(
        self, submission: Submission, indexes: list[int], outcomes: list[Outcome], before: int
    ) -> bool:
        """Answer what has an answer; False if nothing has. Raises ValueError, before any."""
        answers = [*zip(indexes, outcomes, strict=True)]
        # What went back was surely not written, unless an earlier attempt is still unclear, or an
        # append of who was the owner.
        submission.next = before
        for index, outcome in answers:
            if isinstance(outcome, Elsewhere) and outcome.unsure:
                submission.note_unsure(index)
        answers = [(index, answer) for index, answer in answers if type(answer) is not Elsewhere]
        # The owner speaks of this attempt only: an earlier one without an answer may yet arrive,
        # and an append of this instance, from when it was the owner, may be in the log.
        unclear = before == len(submission.commands)
        for index, outcome in answers:
            if isinstance(outcome, Unavailable) and (unclear or submission.unsure(index)):
                submission.answer(index, Unknown(outcome.id or "", outcome.detail))
            else:
                submission.answer(index, outcome)
        if not answers:
            self.failure = "the instance that claimed the partition is not its owner any more"
        return bool(answers)


def _elsewhere(outcomes: list[Outcome]) -> bool:
    """Whether an instance says of any command that it is not, or is no longer, its owner."""
    return any(type(outcome) is Elsewhere for outcome in outcomes)


def _give_up(submission: Submission, indexes: list[int]) -> None:
    """Tell what is known of commands that nobody follows any more."""
    for index in indexes:
        if submission.outcomes[index] is None:
            name = submission.commands[index].id
            sent = index < submission.next or submission.unsure(index)
            submission.answer(
                index, Unknown(name or "", CLOSING) if sent else Unavailable(name, CLOSING)
            )
