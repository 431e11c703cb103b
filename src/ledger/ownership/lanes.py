"""Lanes: what waits for one other instance goes there together, as records go into one batch."""

import asyncio
from collections import deque
from collections.abc import Callable

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
# The receiver answers in time by itself; this is for the way.
MARGIN_SECONDS = 2.0


class Lane:
    """Parts on their way to the instance at one URL."""

    def __init__(self, url: str, peers: Peers, ledger_id: Callable[[], str], sender: str) -> None:
        """Nothing waits. `ledger_id` is asked for each request, `sender` names this instance."""
        self._url = url
        self._peers = peers
        self._ledger_id = ledger_id
        self._sender = sender
        self._waiting: deque[tuple[Part, asyncio.Future[PartReply]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def send(self, part: Part) -> PartReply:
        """Send one part, together with others if there are any.

        Raises PeerUnreachable, PeerSilent.
        """
        answered: asyncio.Future[PartReply] = asyncio.get_running_loop().create_future()
        self._waiting.append((part, answered))
        if len(self._tasks) < REQUESTS_MAX:
            task = asyncio.create_task(self._pump())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answered

    async def ask(self, question: Question) -> PartReply:
        """Ask one question. Raises PeerUnreachable, PeerSilent."""
        body = encode(question)
        answer = await self._peers.ask(self._url, QUESTION_PATH, body, QUESTION_SECONDS)
        (reply,) = self._decoded(answer, 1)
        return reply

    def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()

    async def _pump(self) -> None:
        while self._waiting:
            taken = self._take()
            try:
                replies = await self._exchange([part for part, _ in taken])
            except BaseException as error:
                # A defect is told to everybody who waits, too; a cancelled lane answers nobody.
                _fail([answered for _, answered in taken], error)
                if not isinstance(error, PeerUnreachable | PeerSilent):
                    raise
            else:
                for (_, answered), reply in zip(taken, replies, strict=True):
                    if not answered.done():
                        answered.set_result(reply)

    def _take(self) -> list[tuple[Part, asyncio.Future[PartReply]]]:
        taken = [self._waiting.popleft()]
        count = len(taken[0][0].commands)
        while self._waiting and count + len(self._waiting[0][0].commands) <= COMMANDS_MAX:
            taken.append(self._waiting.popleft())
            count += len(taken[-1][0].commands)
        return taken

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


def _fail(waiting: list[asyncio.Future[PartReply]], error: BaseException) -> None:
    for answered in waiting:
        if answered.done():
            continue
        if isinstance(error, Exception):
            answered.set_exception(error)
        else:
            answered.cancel()
