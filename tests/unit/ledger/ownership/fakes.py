"""The other instances as a test wants them: scripted answers, and a directory without a log."""

import asyncio
from collections.abc import Awaitable, Callable

from ledger.domain.movements import Receipt
from ledger.domain.rejections import Rejected
from ledger.ownership.lanes import QUESTION_PATH
from ledger.ownership.wire import (
    Bundle,
    Part,
    PartReply,
    Reply,
    decode_bundle,
    decode_question,
    encode,
    unwrap_commands,
    wrap_commands,
    wrap_outcomes,
)
from ledger.writer.outcomes import Elsewhere
from ledger.writer.queue import Request, Submission

Answer = Callable[[str, Bundle], Awaitable[Reply]]


class ScriptedPeers:
    """Hands every bundle to a function of the test, and remembers it."""

    def __init__(self, answer: Answer) -> None:
        """`answer` may raise what a peer's connection raises."""
        self.answer = answer
        self.asked: list[tuple[str, Bundle]] = []

    async def ask(self, url: str, path: str, body: bytes, seconds: float) -> bytes:
        """What the function says."""
        del seconds
        if path == QUESTION_PATH:
            # As if it were a bundle of one part.
            asked = decode_question(body)
            one = Part(asked.partition, asked.actor, None, 0.0, asked.commands)
            bundle = Bundle(asked.ledger_id, "", [one])
        else:
            bundle = decode_bundle(body)
        self.asked.append((url, bundle))
        return encode(await self.answer(url, bundle))

    async def close(self) -> None:
        """Nothing is open."""


class KnownOwners:
    """A directory: `claims` is what the log says when it is read, one after the other."""

    def __init__(self, *claims: str | None) -> None:
        """The last one stays."""
        self._claims = [*claims]
        self._belief: str | None = None
        self.looks = 0

    def believed(self, partition: int) -> str | None:
        """Of the one partition."""
        del partition
        return self._belief

    def believe(self, partition: int, url: str) -> None:
        """Somebody says so."""
        del partition
        self._belief = url

    async def owner(self, partition: int) -> str | None:
        """Looks only the first time."""
        return self._belief or await self.look(partition)

    async def look(self, partition: int) -> str | None:
        """The next claim."""
        del partition
        self.looks += 1
        await asyncio.sleep(0)
        self._belief = self._claims.pop(0) if len(self._claims) > 1 else self._claims[0]
        return self._belief


def receipt(identity: str) -> Receipt:
    """A small command."""
    return Receipt(id=identity, sku="A", quantity="1", location="MAIN")


def decided(identity: str) -> Rejected:
    """What became of it: any outcome that names it will do."""
    return Rejected("insufficient_stock", identity)


def submission(*identities: str, forwarded: bool = False) -> Submission:
    """Commands of a caller who waits for ever."""
    request = Request(asyncio.get_running_loop())
    commands = [receipt(identity) for identity in identities]
    return Submission(commands, "key", request, forwarded=forwarded)


def part(*identities: str, partition: int = 0) -> Part:
    """The same on its way."""
    commands = wrap_commands([receipt(identity) for identity in identities])
    return Part(partition, "key", None, 5.0, commands)


def identities(part: Part) -> list[str]:
    """The ids in a part."""
    return [command.id or "" for command in unwrap_commands(part.commands)]


def all_decided(bundle: Bundle) -> Reply:
    """Every command got its outcome."""
    return Reply(
        [PartReply(wrap_outcomes([*map(decided, identities(part))])) for part in bundle.parts]
    )


def all_elsewhere(bundle: Bundle, hint: str = "") -> Reply:
    """Whoever was asked is not the owner."""
    return Reply(
        [
            PartReply(wrap_outcomes([Elsewhere()] * len(part.commands)), hint)
            for part in bundle.parts
        ]
    )
