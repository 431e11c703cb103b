"""What another instance hears: outcomes, and where the owner is once it is another one."""

import asyncio
import math
from types import SimpleNamespace

import msgspec
import pytest

from ledger.domain.context import Rules
from ledger.events.trails import Trail, encode_trail
from ledger.ownership import host as module
from ledger.ownership.host import WAIT_SECONDS_MAX, Host
from ledger.ownership.wire import TRAIL_BYTES_MAX, Bundle, Part, PartReply, unwrap_outcomes
from ledger.writer.deadlines import Deadlines
from ledger.writer.options import Options
from ledger.writer.outcomes import Elsewhere, Outcome, Unavailable
from ledger.writer.queue import QUEUE_FULL, Submission
from tests.unit.ledger.ownership.fakes import decided, identities, part

OTHER = "http://other"


class ScriptedDesks(list[object]):
    """One partition, and what its desk does with a submission."""

    def __init__(self, outcome: Outcome | None, *, held: bool = True, room: bool = True) -> None:
        """`outcome` is what every command gets; with None nothing is ever decided."""
        super().__init__([SimpleNamespace(offer=self._offer)])
        self.held = {0} if held else set()
        self.remotes = [None]
        self.writers: dict[int, object] = {}
        self.taken: list[Submission] = []
        self._outcome = outcome
        self._room = room

    def _offer(self, sent: Submission) -> bool:
        self.taken.append(sent)
        if self._room and self._outcome is not None:
            if isinstance(self._outcome, Elsewhere):
                self.held.clear()
            sent.answer_all(0, [self._outcome] * len(sent.commands))
        return self._room


async def reply_of(desks: ScriptedDesks, asked: Part) -> tuple[list[Outcome], PartReply]:
    """Of a host with these desks."""
    deadlines = Deadlines(asyncio.get_running_loop())
    options = Options(
        instance="me", url="http://me", rules=Rules(), clock_ms=lambda: 0, type_levels={}
    )
    host = Host(desks, deadlines, options, "a-ledger", lambda _partition: OTHER)  # type: ignore[arg-type]
    (reply,) = (await host.bundle(Bundle("a-ledger", "other", [asked]))).parts
    deadlines.close()
    return unwrap_outcomes(reply.outcomes), reply


async def test_an_owner_decides_and_gives_no_hint() -> None:
    """What it believes of others would lead the sender away from it."""
    desks = ScriptedDesks(decided("x"))
    outcomes, reply = await reply_of(desks, part("a", "b"))
    assert outcomes == [decided("x")] * 2
    assert reply.owner_url == ""
    (taken,) = desks.taken
    assert taken.forwarded, "so that it is never sent on"
    assert [command.id for command in taken.commands] == identities(part("a", "b"))


async def test_who_is_not_the_owner_says_so() -> None:
    """With the address that it believes in; nothing is handed in."""
    desks = ScriptedDesks(decided("x"), held=False)
    outcomes, reply = await reply_of(desks, part("a", "b"))
    assert outcomes == [Elsewhere()] * 2
    assert reply.owner_url == OTHER
    assert desks.taken == []


async def test_an_owner_that_loses_the_partition_meanwhile() -> None:
    """What goes back goes with a hint."""
    outcomes, reply = await reply_of(ScriptedDesks(Elsewhere()), part("a"))
    assert outcomes == [Elsewhere()]
    assert reply.owner_url == OTHER


async def test_a_full_queue() -> None:
    """Nothing was written."""
    outcomes, _ = await reply_of(ScriptedDesks(None, room=False), part("a"))
    assert outcomes == [Unavailable("a", QUEUE_FULL)]


async def test_nobody_waits_longer_than_the_sender() -> None:
    """The sender's caller has left by then."""
    asked = part("a")
    asked.seconds_left = -1.0
    outcomes, _ = await asyncio.wait_for(reply_of(ScriptedDesks(None), asked), 10)
    assert outcomes == [Unavailable("a", "the queue was not reached in time")]


@pytest.mark.parametrize(
    ("said", "waits"),
    [(-5.0, 0.0), (0.0, 0.0), (0.1, 0.5), (4.6, 5.0), (1e9, WAIT_SECONDS_MAX),
     (math.inf, WAIT_SECONDS_MAX), (math.nan, WAIT_SECONDS_MAX)],
)  # fmt: skip
def test_how_long_is_waited(said: float, waits: float) -> None:
    """In half seconds and within bounds, whatever the sender says."""
    asked = Part(0, None, None, said, [])
    assert module._seconds(asked) == waits


def _with_trail(trail: bytes | None) -> Part:
    asked = part("a")
    asked.trail = trail
    return asked


TRACEPARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRAIL = encode_trail(Trail("recordMovement@one", "request-1", "1f2e3d4c"))


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (None, None),
        (TRAIL, TRAIL),
        # A later version may know more of a request; what is recorded is what every ledger writes.
        (TRAIL[:-1] + b', "more": [1]}', TRAIL),
        (b'{"request_id":"r", "origin":"o","credential":null}', b'{"origin":"o","request_id":"r"}'),
    ],
)
async def test_a_trail_becomes_a_part_of_history(sent: bytes | None, taken: bytes | None) -> None:
    """In the one way in which it is written."""
    desks = ScriptedDesks(decided("x"))
    await reply_of(desks, _with_trail(sent))
    assert [one.request.trail for one in desks.taken] == [taken]


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (None, None), (TRACEPARENT, TRACEPARENT), (b"", None), (b"x" * 5_000_000, None),
        (TRACEPARENT.upper(), None), (TRACEPARENT + b"\n", None),
    ],
    ids=["none", "one", "empty", "long", "upper case", "more"],
)  # fmt: skip
async def test_a_traceparent_goes_along_if_it_is_one(
    sent: bytes | None, taken: bytes | None
) -> None:
    """It becomes a header of the record; anything malformed is as good as none."""
    desks, asked = ScriptedDesks(decided("x")), part("a")
    asked.traceparent = sent
    await reply_of(desks, asked)
    assert [one.request.traceparent for one in desks.taken] == [taken]


@pytest.mark.parametrize(
    "trail",
    [
        b'{"origin":"\\ud800","request_id":"r"}',
        b"", b"{", b"1", b"{}", b'{"origin":"o"}', b'{"origin":"o","request_id":7}',
        b'{"origin":"o","request_id":"r"},"entries":[]', b'{"origin":"\xff","request_id":"r"}',
        b'{"origin":"o","request_id":"' + b"r" * TRAIL_BYTES_MAX + b'"}',
        b'{"origin":"o","request_id":"r","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)  # fmt: skip
async def test_a_trail_that_is_none(trail: bytes) -> None:
    """Nothing of the bundle is carried out; the answer is that of any malformed request."""
    desks = ScriptedDesks(decided("x"))
    with pytest.raises(msgspec.MsgspecError):
        await reply_of(desks, _with_trail(trail))
    assert desks.taken == []
