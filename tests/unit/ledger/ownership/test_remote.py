"""A partition of another instance: whoever it is, and whatever goes wrong on the way there."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ledger.domain.facts import LevelRaised
from ledger.ownership import remote as module
from ledger.ownership.lanes import Lane
from ledger.ownership.remote import CLOSING, OwnerUnknown, RemotePartition
from ledger.ownership.wire import Bundle, PartReply, Question, Reply, wrap_outcomes
from ledger.peers import PeerSilent, PeerUnreachable
from ledger.writer.outcomes import Elsewhere, Unavailable, Unknown
from ledger.writer.queue import Submission
from tests.unit.ledger.ownership.fakes import (
    KnownOwners,
    ScriptedPeers,
    all_decided,
    all_elsewhere,
    decided,
    identities,
    part,
    submission,
)
from tests.waiting import eventually

ONE, TWO, ME = "http://one", "http://two", "http://me"


class Place:
    """A remote partition, its directory, and the others as the test has them answer."""

    def __init__(
        self,
        answer: Callable[[str, Bundle], Awaitable[Reply]],
        *claims: str | None,
        commands_max: int = 100,
    ) -> None:
        """`claims` are what the log says, one look after the other."""
        self.owners = KnownOwners(*claims)
        self.peers = ScriptedPeers(answer)
        self._lanes: dict[str, Lane] = {}
        self.remote = RemotePartition(
            0, self.owners, self._lane, own_url=ME, commands_max=commands_max  # type: ignore[arg-type]
        )  # fmt: skip

    def _lane(self, url: str) -> Lane:
        made = Lane(url, self.peers, lambda: "a-ledger", "me")
        return self._lanes.setdefault(url, made)

    @property
    def urls(self) -> list[str]:
        """Who was asked, in order."""
        return [url for url, _ in self.peers.asked]

    async def tell(self, sent: Submission) -> list[object]:
        """Offer it, and wait until all of it is answered."""
        assert self.remote.offer(sent)
        await asyncio.wait_for(asyncio.shield(sent.request.done), 10)
        return [*sent.outcomes]


async def owner_answers(_url: str, bundle: Bundle) -> Reply:
    """All is decided."""
    return all_decided(bundle)


async def test_the_owner_decides() -> None:
    """In one request."""
    place = Place(owner_answers, ONE)
    assert await place.tell(submission("a", "b")) == [decided("a"), decided("b")]
    assert place.urls == [ONE]
    await eventually(lambda: place.remote.waiting == 0)


async def test_a_hint_is_tried_once_and_then_the_log_is_asked() -> None:
    """Two instances that are both wrong cannot send a command back and forth for ever."""

    async def answer(url: str, bundle: Bundle) -> Reply:
        if url == "http://three":
            return all_decided(bundle)
        return all_elsewhere(bundle, TWO if url == ONE else ONE)

    place = Place(answer, ONE, ONE, "http://three")
    assert await place.tell(submission("a")) == [decided("a")]
    assert place.urls == [ONE, TWO, ONE, TWO, "http://three"]


async def test_a_hint_that_is_right_is_believed() -> None:
    """By the next command too, without a look."""

    async def answer(url: str, bundle: Bundle) -> Reply:
        return all_decided(bundle) if url == TWO else all_elsewhere(bundle, TWO)

    place = Place(answer, ONE)
    assert await place.tell(submission("a")) == [decided("a")]
    assert await place.tell(submission("b")) == [decided("b")]
    assert place.urls == [ONE, TWO, TWO]
    assert place.owners.looks == 1


async def test_an_owner_that_answers_is_not_left_for_a_hint() -> None:
    """What it believes of others does not matter while it decides."""

    async def answer(_url: str, bundle: Bundle) -> Reply:
        reply = all_decided(bundle)
        return Reply([PartReply(part.outcomes, TWO) for part in reply.parts])

    place = Place(answer, ONE)
    await place.tell(submission("a"))
    await place.tell(submission("b"))
    assert place.urls == [ONE, ONE]


async def test_the_rest_of_a_part_follows_to_the_new_owner() -> None:
    """What was decided is not sent again, and the order stays."""

    async def answer(url: str, bundle: Bundle) -> Reply:
        if url == TWO:
            return all_decided(bundle)
        return Reply([PartReply(wrap_outcomes([decided("a"), Elsewhere(), Elsewhere()]), TWO)])

    place = Place(answer, ONE)
    assert await place.tell(submission("a", "b", "c")) == [*map(decided, "abc")]
    assert [identities(bundle.parts[0]) for _, bundle in place.peers.asked] == [
        ["a", "b", "c"], ["b", "c"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "kind"), [(PeerUnreachable("no"), Unavailable), (PeerSilent("no"), Unknown)]
)
async def test_what_closing_says(error: Exception, kind: type) -> None:
    """Unknown once there was an attempt without an answer; nobody is left waiting."""

    async def fail(_url: str, _bundle: Bundle) -> Reply:
        raise error

    place = Place(fail, ONE)
    sent = submission("a")
    place.remote.offer(sent)
    await eventually(lambda: len(place.urls) > 1)
    place.remote.close()
    await asyncio.wait_for(sent.request.done, 10)
    (outcome,) = sent.outcomes
    assert type(outcome) is kind
    late = submission("b")
    assert place.remote.offer(late)
    assert late.outcomes == [Unavailable("b", CLOSING)]


async def test_an_owner_that_hangs_is_left_when_another_claims(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Parts under way to it, and parts that still wait for their turn."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    never = asyncio.Event()

    async def answer(url: str, bundle: Bundle) -> Reply:
        if url == ONE:
            await never.wait()
        return all_decided(bundle)

    place = Place(answer, ONE, ONE, ONE, TWO)
    sent = [submission(identity) for identity in "abcdef"]
    for one in sent:
        place.remote.offer(one)
        await asyncio.sleep(0)
    await asyncio.wait_for(asyncio.gather(*(one.request.done for one in sent)), 10)
    assert [one.outcomes for one in sent] == [[decided(identity)] for identity in "abcdef"]


async def test_no_more_wait_for_an_owner_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """One goes on trying; the others are refused at once, and may try again."""
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.0)

    async def fail(_url: str, _bundle: Bundle) -> Reply:
        raise PeerUnreachable("nobody is there")

    place = Place(fail, ONE)
    first, second = submission("a"), submission("b")
    place.remote.offer(first)
    await eventually(lambda: len(place.urls) > 1)
    assert place.remote.offer(second)
    assert second.outcomes == [Unavailable("b", "nobody is there")]
    assert first.outcomes == [None]
    place.remote.close()


async def test_the_commands_on_their_way_are_bounded() -> None:
    """A part alone may be larger."""
    never = asyncio.Event()

    async def hang(_url: str, bundle: Bundle) -> Reply:
        await never.wait()
        return all_decided(bundle)

    place = Place(hang, ONE, commands_max=2)
    assert place.remote.offer(submission("a", "b", "c"))
    assert not place.remote.offer(submission("d"))
    place.remote.close()


async def test_what_another_instance_sent_is_never_sent_on() -> None:
    """It goes back, so that nothing goes in circles."""
    place = Place(owner_answers, ONE)
    sent = submission("a", forwarded=True)
    assert place.remote.offer(sent)
    assert sent.outcomes == [Elsewhere()]
    assert place.urls == []


async def test_a_claim_that_names_this_very_instance() -> None:
    """Whoever gave a wrong address is not found, and this instance does not send to itself."""
    place = Place(owner_answers, ME, ME, TWO)
    sent = submission("a")
    assert place.remote.offer(sent)
    await eventually(lambda: place.owners.looks > 1)
    assert sent.outcomes == [None]
    assert place.remote.failure == "no other instance has claimed the partition"
    await asyncio.wait_for(asyncio.shield(sent.request.done), 10)
    assert (place.urls, sent.outcomes) == ([TWO], [decided("a")])


QUESTION = Question("a-ledger", 0, None, "", part("a").commands)


@pytest.mark.parametrize("how", ["unreachable", "silent", "elsewhere"])
async def test_a_question_follows_the_owner(how: str) -> None:
    """Whoever only asks must find a new owner, too."""

    async def answer(url: str, bundle: Bundle) -> Reply:
        if url == TWO:
            return all_decided(bundle)
        if how == "elsewhere":
            return all_elsewhere(bundle)
        raise PeerUnreachable("gone") if how == "unreachable" else PeerSilent("gone")

    place = Place(answer, ONE, TWO)
    assert await place.remote.ask(QUESTION) == [decided("a")]
    assert place.urls == [ONE, TWO]


async def test_a_question_that_nobody_answers() -> None:
    """It is not asked again of the same instance; the next question looks for itself."""

    async def fail(_url: str, _bundle: Bundle) -> Reply:
        raise PeerUnreachable("nobody is there")

    place = Place(fail, ONE)
    with pytest.raises(OwnerUnknown, match="nobody is there"):
        await place.remote.ask(QUESTION)
    assert place.urls == [ONE]
    for claims in ((None,), (ME,)):
        with pytest.raises(OwnerUnknown, match="no other instance"):
            await Place(fail, *claims).remote.ask(QUESTION)
    with pytest.raises(OwnerUnknown, match="all the time"):
        await Place(fail, ONE, TWO, ONE, TWO, ONE).remote.ask(QUESTION)


async def test_an_owner_that_lost_its_partition_may_have_written() -> None:
    """It says so, and then another one that cannot decide now is no proof that nothing was."""

    async def answer(url: str, bundle: Bundle) -> Reply:
        if url == TWO:
            unavailable = [Unavailable(name, "later") for name in identities(bundle.parts[0])]
            return Reply([PartReply(wrap_outcomes([*unavailable]))])
        return Reply([PartReply(wrap_outcomes([Elsewhere(unsure=True), Elsewhere()]), TWO)])

    answers = await Place(answer, ONE).tell(submission("a", "b"))
    assert answers == [Unknown("a", "later"), Unavailable("b", "later")]


async def test_what_was_forwarded_goes_back_with_what_is_known_of_it() -> None:
    """An append of the instance that was the owner may still bring it."""
    sent = submission("a", "b", forwarded=True)
    sent.note_stated(0, [LevelRaised(7, 1, 0)])
    assert Place(owner_answers, ONE).remote.offer(sent)
    assert sent.outcomes == [Elsewhere(unsure=True), Elsewhere()]


async def test_what_is_answered_of_a_submission_is_not_sent() -> None:
    """The writer that had it in hand has answered some of it for good."""
    place = Place(owner_answers, ONE)
    sent = submission("a", "b", "c")
    sent.next = 3
    late = Unavailable("b", "not now")
    sent.answer(1, late)
    sent.give_back(0)
    assert await place.tell(sent) == [decided("a"), late, decided("c")]
    assert [identities(bundle.parts[0]) for _, bundle in place.peers.asked] == [["a", "c"]]
    await eventually(lambda: place.remote.waiting == 0)
