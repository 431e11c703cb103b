"""Where commands are handed in while partitions come and go; writers and remotes are scripted."""

import asyncio

import pytest

from ledger.ownership import desks as module
from ledger.ownership.desks import Desks
from ledger.writer.outcomes import Unavailable
from ledger.writer.queue import QUEUE_FULL, Submission
from ledger.writer.tenure import Tenure
from tests.unit.ledger.ownership.fakes import submission
from tests.waiting import eventually


class ScriptedWriter:
    """Runs until it is closed; a test plays what it would meet."""

    def __init__(self, tenure: Tenure) -> None:
        """Wanted."""
        self.tenure = tenure
        self.failure: str | None = None
        self.taken: list[Submission] = []
        self.closed = asyncio.Event()

    def offer(self, sent: Submission) -> bool:
        """Take it."""
        self.taken.append(sent)
        return True

    def want(self, *, wanted: bool) -> None:
        """As told."""
        self.tenure.wanted = wanted

    def close(self) -> None:
        """End."""
        self.closed.set()

    async def run(self) -> None:
        """Nothing by itself."""
        await self.closed.wait()


class ScriptedRemote:
    """Takes as much as a test says."""

    def __init__(self) -> None:
        """There is room."""
        self.room = True
        self.taken: list[Submission] = []
        self.own_writer: ScriptedWriter | None = None
        self.closed = False

    def offer(self, sent: Submission) -> bool:
        """Take it if there is room."""
        if self.room:
            self.taken.append(sent)
        return self.room

    def close(self) -> None:
        """End."""
        self.closed = True


class Office:
    """Desks of two partitions, and all writers that were ever made."""

    def __init__(self) -> None:
        """No share yet."""
        self.made: list[tuple[int, ScriptedWriter]] = []
        self.remotes = [ScriptedRemote(), ScriptedRemote()]
        self.desks = Desks(self._make, self.remotes)  # type: ignore[arg-type]

    def _make(self, partition: int, tenure: Tenure) -> ScriptedWriter:
        writer = ScriptedWriter(tenure)
        self.made.append((partition, writer))
        return writer

    def desk(self) -> object:
        """Of the first partition, now."""
        return self.desks[0]

    def take(self, *partitions: int) -> list[ScriptedWriter]:
        """A share whose writers have recovered and claimed."""
        self.desks.share(frozenset(partitions))
        writers: list[ScriptedWriter] = [self.desks.writers[one] for one in partitions]  # type: ignore[misc]
        for writer in writers:
            writer.tenure.began()
        return writers


async def test_a_partition_comes_and_goes() -> None:
    """The desk is the writer from its claim on, until another's claim is seen."""
    office = Office()
    desks, remote = office.desks, office.remotes[0]
    desks.share(frozenset({0}))
    assert office.desk() is remote, "somebody else writes until the claim counts"
    (writer,) = office.take(0)
    assert office.desk() is writer
    assert remote.own_writer is writer, "what is under way comes back"
    desks.share(frozenset())
    assert not writer.tenure.wanted
    assert office.desk() is writer, "somebody must write until the other one has claimed"
    left = submission("a")
    writer.tenure.ended([left])
    assert office.desk() is remote
    assert remote.own_writer is None
    assert remote.taken == [left]
    assert desks.held == set()
    await desks.close()


async def test_what_finds_no_room_is_refused() -> None:
    """Its caller may try again, and is not left waiting."""
    office = Office()
    (writer,) = office.take(0)
    office.remotes[0].room = False
    left = submission("a", "b")
    left.next = 1
    left.answer(0, Unavailable("a", "answered before"))
    writer.tenure.ended([left])
    assert left.outcomes == [Unavailable("a", "answered before"), Unavailable("b", QUEUE_FULL)]
    await office.desks.close()


@pytest.mark.parametrize("claimed", [True, False], ids=["held", "never held"])
async def test_what_is_known_of_a_lost_partition_is_dropped(
    monkeypatch: pytest.MonkeyPatch, claimed: bool
) -> None:
    """After a while, unless the partition comes back; also if it was never claimed here."""
    monkeypatch.setattr(module, "KEEP_SECONDS", 0.01)
    office = Office()
    office.desks.share(frozenset({0}))
    ((_, writer),) = office.made
    if claimed:
        writer.tenure.began()
    office.desks.share(frozenset())
    writer.tenure.ended([])
    # As a writer does again and again while it is not wanted.
    writer.tenure.ended([])
    await eventually(writer.closed.is_set)
    assert office.desks.writers == {}
    office.take(0)
    assert [partition for partition, _ in office.made] == [0, 0]
    await office.desks.close()


async def test_a_partition_that_comes_back_is_not_read_again() -> None:
    """Its writer has followed the log as it was."""
    office = Office()
    (writer,) = office.take(0)
    office.desks.share(frozenset())
    writer.tenure.ended([])
    assert office.take(0) == [writer]
    assert writer.tenure.wanted
    assert not writer.closed.is_set()
    await office.desks.close()


async def test_who_hands_over_waits_for_the_last_partition() -> None:
    """A stopped partition is nothing that another could take over from here."""
    office = Office()
    first, second = office.take(0, 1)
    assert office.desks.has_all
    office.desks.share(frozenset())
    waiting = asyncio.create_task(office.desks.released())
    first.tenure.ended([])
    await asyncio.sleep(0)
    assert not waiting.done()
    second.failure = "a fault"
    second.close()
    await asyncio.wait_for(waiting, 10)
    assert second == office.desks[1], "its desk says so to everybody"
    await office.desks.close()
    assert first.closed.is_set()
    assert [remote.closed for remote in office.remotes] == [True, True]
