"""Lanes: what waits for one other instance goes there together, as records go into one batch."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from ledger.ownership.wire import (
    Bundle,
    Part,
    PartReply,
    Question,
    decode_reply,
    encode,
)
from ledger.peers import Peers, PeerSilent, PeerUnreachable

BUNDLE_PATH = "/internal/v1/bundle"
QUESTION_PATH = "/internal/v1/question"
QUESTION_SECONDS = 5.0
# Requests under way to one instance: while one is answered the next is filled.
REQUESTS_MAX = 2
# Commands in one request; one part may be larger alone.
COMMANDS_MAX = 4_000
# Their bytes; the receiver's limit is far above it.
BYTES_MAX = 4 * 1024 * 1024
# The receiver answers in time by itself; this is for the way.
MARGIN_SECONDS = 2.0


class _Sent(NamedTuple):
    """A part, the bytes of its commands, the loop's time at which nobody waits for it any more, and
    who waits for the reply."""

    part: Part
    size: int
    expires_at: float
    answered: asyncio.Future[PartReply]


class Lane:
    """Parts on their way to the instance at one URL."""

    def __init__(self, url: str, peers: Peers, ledger_id: Callable[[], str], sender: str) -> None:
        """Nothing waits. `ledger_id` is asked for each request, `sender` names this instance."""
        self._url = url
        self._peers = peers
        self._ledger_id = ledger_id
        self._sender = sender
        # By the level of events that they need; the level whose turn is next comes first.
        self._waiting: dict[int, deque[_Sent]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, part: Part) -> PartReply:
        """Send one part, together with others if there are any.

        Raises PeerUnreachable, PeerSilent.
        """
        return await self.post(part)

    def post(self, part: Part, level: int = 1) -> asyncio.Future[PartReply]:
        """The same without waiting. A part that is cancelled before its turn is not sent.

        `level` is that of the events its commands can lead to. What an older version cannot read
        makes it refuse the whole request, so parts of different levels never share one.
        """
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[PartReply] = loop.create_future()
        # Whoever does not wait any more hears nothing of what went wrong.
        answered.add_done_callback(lambda future: future.cancelled() or future.exception())
        size = sum(len(command) for _, command in part.commands)
        sent = _Sent(part, size, loop.time() + part.seconds_left, answered)
        self._waiting.setdefault(level, deque()).append(sent)
        if len(self._tasks) < REQUESTS_MAX:
            task = asyncio.create_task(self._pump())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return answered

    async def ask(self, question: Question) -> PartReply:
        """Ask one question. Raises PeerUnreachable, PeerSilent."""
        body = encode(question)
        answer = await self._peers.ask(self._url, QUESTION_PATH, body, QUESTION_SECONDS)
        (reply,) = self._decoded(answer, 1)
        return reply

    def close(self) -> None:
        """Give up what is under way and what waits."""
        for task in self._tasks:
            task.cancel()
        for waiting in self._waiting.values():
            while waiting:
                waiting.popleft().answered.cancel()

    async def _pump(self) -> None:
        while taken := self._take():
            waiting = [sent.answered for sent in taken]
            try:
                replies = await self._exchange([*map(_part_now, taken)])
            except BaseException as error:
                # A defect is told to everybody who waits, too; a lane that is closed, to nobody.
                _fail(waiting, error)
                if not isinstance(error, PeerUnreachable | PeerSilent):
                    raise
            else:
                for answered, reply in zip(waiting, replies, strict=True):
                    if not answered.done():
                        answered.set_result(reply)

    def _take(self) -> list[_Sent]:
        """What goes into the next request; nothing if nothing waits."""
        for level in [*self._waiting]:
            self._waiting[level] = waiting = self._waiting.pop(level)
            taken = _fill(waiting)
            if taken:
                return taken
        return []

    async def _exchange(self, parts: list[Part]) -> list[PartReply]:
        seconds = max(part.seconds_left for part in parts) + MARGIN_SECONDS
        body = encode(Bundle(self._ledger_id(), self._sender, parts))
        answer = await self._peers.ask(self._url, BUNDLE_PATH, body, seconds)
        return self._decoded(answer, len(parts))

    def _decoded(self, answer: bytes, count: int) -> list[PartReply]:
        try:
            replies = decode_reply(answer).parts
        except msgspec.MsgspecError as error:
            raise PeerSilent(f"{self._url} answered something else: {error}") from error
        if len(replies) != count:
            raise PeerSilent(f"{self._url} answered {len(replies)} of {count} parts")
        return replies


def _part_now(sent: _Sent) -> Part:
    """The part with the time that is left of its caller's, now that it is on its way."""
    seconds = max(0.0, sent.expires_at - asyncio.get_running_loop().time())
    return msgspec.structs.replace(sent.part, seconds_left=seconds)


def _fill(waiting: deque[_Sent]) -> list[_Sent]:
    """As much of what waits as one request may hold."""
    taken: list[_Sent] = []
    count = room = 0
    while waiting:
        sent = waiting[0]
        if sent.answered.done():
            waiting.popleft()
            continue
        count += len(sent.part.commands)
        room += sent.size
        if taken and (count > COMMANDS_MAX or room > BYTES_MAX):
            break
        taken.append(waiting.popleft())
    return taken


def _fail(waiting: list[asyncio.Future[PartReply]], error: BaseException) -> None:
    for answered in waiting:
        if answered.done():
            continue
        if isinstance(error, Exception):
            answered.set_exception(error)
        else:
            answered.cancel()
