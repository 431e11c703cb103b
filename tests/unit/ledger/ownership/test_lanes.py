"""What waits for one instance goes there together, bounded, and never without an answer."""

import asyncio

import pytest

from ledger.ownership import lanes
from ledger.ownership.lanes import Lane
from ledger.ownership.wire import Bundle, PartReply, Reply, unwrap_outcomes
from ledger.peers import PeerSilent, PeerUnreachable
from tests.unit.ledger.ownership.fakes import (
    ScriptedPeers,
    all_decided,
    decided,
    identities,
    part,
)
from tests.waiting import eventually

URL = "http://peer"


class Gate:
    """Answers when it is opened."""

    def __init__(self) -> None:
        """Closed."""
        self.open = asyncio.Event()
        self.peers = ScriptedPeers(self._answer)
        self.lane = Lane(URL, self.peers, lambda: "a-ledger", "me")

    async def _answer(self, _url: str, bundle: Bundle) -> Reply:
        await self.open.wait()
        return all_decided(bundle)

    @property
    def sent(self) -> list[list[list[str]]]:
        """The ids in the parts of each request."""
        return [[identities(one) for one in bundle.parts] for _, bundle in self.peers.asked]


def outcomes(reply: PartReply) -> list[object]:
    """Unwrapped."""
    return [*unwrap_outcomes(reply.outcomes)]


async def test_what_waits_goes_together() -> None:
    """Two requests are under way; what comes meanwhile is the next one; each gets its own."""
    gate = Gate()
    waiting = []
    for identity in "abcde":
        waiting.append(gate.lane.post(part(identity)))
        await asyncio.sleep(0)
    gate.open.set()
    replies = await asyncio.gather(*waiting)
    assert [outcomes(reply) for reply in replies] == [[decided(one)] for one in "abcde"]
    assert gate.sent == [[["a"]], [["b"]], [["c"], ["d"], ["e"]]]


@pytest.mark.parametrize(
    ("limit", "value"), [("COMMANDS_MAX", 3), ("BYTES_MAX", 170)], ids=["commands", "bytes"]
)
async def test_requests_are_bounded(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    """By commands and by their bytes; one part goes alone, however large it is."""
    monkeypatch.setattr(lanes, limit, value)
    gate = Gate()
    gate.open.set()
    size = sum(len(raw) for _, raw in part("a1").commands)
    assert 170 // size == 3, "three fit"
    posted = [part("a1", "a2"), part("b1"), part("c1"), part("d1", "d2", "d3", "d4"), part("e1")]
    await asyncio.gather(*map(gate.lane.post, posted))
    assert gate.sent == [
        [["a1", "a2"], ["b1"]], [["c1"]], [["d1", "d2", "d3", "d4"]], [["e1"]],
    ]  # fmt: skip


async def test_who_does_not_wait_any_more_is_not_sent() -> None:
    """A part that was given up before its turn stays here."""
    gate = Gate()
    waiting = []
    for identity in "abcd":
        waiting.append(gate.lane.post(part(identity)))
        await asyncio.sleep(0)
    waiting[2].cancel()
    gate.open.set()
    await waiting[3]
    assert gate.sent == [[["a"]], [["b"]], [["d"]]]


@pytest.mark.parametrize("error", [PeerUnreachable("no"), PeerSilent("no"), RuntimeError("defect")])
async def test_a_failure_is_told_to_everybody_in_the_request(error: Exception) -> None:
    """And the next request starts anew."""

    async def fail(_url: str, _bundle: Bundle) -> Reply:
        raise error

    lane = Lane(URL, ScriptedPeers(fail), lambda: "a-ledger", "me")
    for _ in range(2):
        asked = [lane.post(part("a")), lane.post(part("b"))]
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert found == [error, error]


async def test_an_answer_of_another_shape_is_none() -> None:
    """Too few parts: nobody knows what was done."""

    async def empty(_url: str, _bundle: Bundle) -> Reply:
        return Reply([])

    lane = Lane(URL, ScriptedPeers(empty), lambda: "a-ledger", "me")
    with pytest.raises(PeerSilent, match="0 of 1"):
        await lane.send(part("a"))


async def test_closing_forgets_nobody() -> None:
    """What is under way and what waits is cancelled."""
    gate = Gate()
    waiting = []
    for identity in "abcd":
        waiting.append(gate.lane.post(part(identity)))
        await asyncio.sleep(0)
    await eventually(lambda: len(gate.peers.asked) == lanes.REQUESTS_MAX)
    gate.lane.close()
    await asyncio.wait(waiting, timeout=10)
    assert all(one.cancelled() for one in waiting)


async def test_what_an_older_version_may_refuse_goes_apart() -> None:
    """It refuses the whole request, so it would take the commands of others along; both go on."""
    gate = Gate()
    under_way = [gate.lane.post(part(name)) for name in "ab"]
    await asyncio.sleep(0)
    posted = [
        gate.lane.post(part(name), level)
        for name, level in (("c", 1), ("d", 2), ("e", 1), ("f", 2))
    ]
    gate.open.set()
    replies = await asyncio.gather(*under_way, *posted)
    assert [outcomes(reply) for reply in replies] == [[decided(one)] for one in "abcdef"]
    assert sorted(gate.sent[-2:]) == [[["c"], ["e"]], [["d"], ["f"]]]
