"""What other instances send here: commands for partitions that this one owns, and questions.

Nothing is ever sent on. Who sends here by a wrong belief hears so, with a better one if there is
one, and tries elsewhere.
"""

import asyncio
import math
from collections.abc import Callable, Sequence

import msgspec

from ledger.domain.facts import Command
from ledger.errors import LedgerError
from ledger.events.trails import trace_id
from ledger.ownership.desks import Desks
from ledger.ownership.questions import knows, preview
from ledger.ownership.wire import (
    Bundle,
    Part,
    PartReply,
    Question,
    Reply,
    unwrap_commands,
    unwrap_trail,
    wrap_outcomes,
)
from ledger.writer.deadlines import Deadlines
from ledger.writer.options import Options
from ledger.writer.outcomes import ANSWERED, Elsewhere, Outcome, Unavailable
from ledger.writer.queue import QUEUE_FULL, Request, Submission

# Nobody waits longer for an answer, whatever the sender says.
WAIT_SECONDS_MAX = 300.0


class ForeignBundle(LedgerError):
    """Another instance speaks of another ledger."""


class Host:
    """Answers for one instance."""

    def __init__(
        self,
        desks: Desks,
        deadlines: Deadlines,
        options: Options,
        ledger_id: str,
        owner_of: Callable[[int], str],
    ) -> None:
        """`owner_of` says where a partition's owner is believed to be, or nothing."""
        self._desks = desks
        self._deadlines = deadlines
        self._options = options
        self._ledger_id = ledger_id
        self._owner_of = owner_of

    async def bundle(self, bundle: Bundle) -> Reply:
        """Decide what another instance has sent.

        Raises ForeignBundle, msgspec.MsgspecError; then nothing of it was done.
        """
        self._check(bundle.ledger_id, bundle.parts)
        # All before any: of a bundle that is malformed nothing may be carried out.
        commands = [unwrap_commands(part.commands) for part in bundle.parts]
        for part in bundle.parts:
            part.trail = unwrap_trail(part.trail)
            if trace_id(part.traceparent) is None:
                part.traceparent = None
        return Reply(await asyncio.gather(*map(self._part, bundle.parts, commands)))

    async def question(self, question: Question) -> PartReply:
        """What another instance asks the owner.

        Raises ForeignBundle, msgspec.MsgspecError, LogUnavailable, StateUnknown.
        """
        self._check(question.ledger_id, [question])
        partition = question.partition
        writer = self._desks.writers.get(partition)
        if writer is None or partition not in self._desks.held or not knows(writer):
            return self._elsewhere(partition, 1)
        if question.commands:
            command, *more = unwrap_commands(question.commands)
            if more:
                raise msgspec.ValidationError("a question is about one command")
            answer = await preview(writer, command, question.actor, self._options)
            return PartReply(wrap_outcomes([answer]))
        fact = await writer.find(question.id)
        found: list[Outcome] = [fact] if isinstance(fact, ANSWERED) else []
        return PartReply(wrap_outcomes(found))

    def _check(self, ledger_id: str, places: Sequence[Part | Question]) -> None:
        if ledger_id != self._ledger_id:
            raise ForeignBundle(f"this is ledger {self._ledger_id}, not {ledger_id}")
        partitions = range(len(self._desks))
        if any(place.partition not in partitions for place in places):
            raise msgspec.ValidationError(f"there are {len(partitions)} partitions")

    async def _part(self, part: Part, commands: list[Command]) -> PartReply:
        if part.partition not in self._desks.held:
            return self._elsewhere(part.partition, len(commands))
        request = Request(self._deadlines.loop, part.traceparent, part.trail)
        submission = Submission(commands, part.actor, request, forwarded=True)
        if not self._desks[part.partition].offer(submission):
            return PartReply(wrap_outcomes([Unavailable(c.id, QUEUE_FULL) for c in commands]))
        await self._deadlines.wait(request, (submission,), _seconds(part))
        outcomes: list[Outcome] = submission.outcomes  # type: ignore[assignment]
        lost = part.partition not in self._desks.held
        owner_url = self._owner_of(part.partition) if lost else ""
        return PartReply(wrap_outcomes(outcomes), owner_url)

    def _elsewhere(self, partition: int, count: int) -> PartReply:
        return PartReply(wrap_outcomes([Elsewhere()] * count), self._owner_of(partition))


def _seconds(part: Part) -> float:
    """How long to wait: in half seconds, because each length of waiting has a timer."""
    seconds = part.seconds_left
    # Written so that what is no number is taken for the most.
    if not seconds < WAIT_SECONDS_MAX:
        return WAIT_SECONDS_MAX
    return math.ceil(2 * max(0.0, seconds)) / 2
