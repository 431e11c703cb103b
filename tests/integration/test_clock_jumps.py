"""The clock of a machine jumps by an hour, forth and back, under a writer on a real log."""

import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ledger.adapters import kafka
from ledger.domain.facts import Moved
from ledger.writer.outcomes import Outcome, Unavailable
from ops.check_history.check import Stored, check_log
from ops.check_history.history import History, Operation
from tests.builders import pick, receipt
from tests.contract.log_cases import KafkaPlace, SqlitePlace
from tests.simulation.recorded import Recorded
from tests.waiting import eventually

HOUR = 3600.0
# Never while a test looks, and then at once.
PROBE_SECONDS = (HOUR, 0.0)


@pytest.fixture
async def place(
    kafka_bootstrap: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[KafkaPlace]:
    """Topics on a broker."""
    made = KafkaPlace(kafka_bootstrap, topic_prefix, tmp_path)
    yield made
    await made.close()


class Machine:
    """A ledger on a machine whose clock can be set."""

    def __init__(self, place: KafkaPlace | SqlitePlace) -> None:
        """The clock is right."""
        self.off_seconds = 0.0
        self.log = place.log(clock=lambda: time.time() + self.off_seconds)
        self.snapshots = place.snapshots()
        self.calls: list[Operation] = []
        self._count = 0

    async def start(self) -> None:
        """Open everything."""
        await self.log.open()
        await self.snapshots.open()
        self.ledger = Recorded(
            self.log,
            self.snapshots,
            None,
            instance="one",
            new_ledger_id=lambda: "here",
            clock_ms=lambda: int((time.time() + self.off_seconds) * 1000),
        )
        self.ledger.calls = self.calls
        await self.ledger.start()

    async def move(self) -> Outcome:
        """Receive two, or take one."""
        self._count += 1
        make = receipt if self._count % 2 else pick
        command = make("2" if self._count % 2 else "1", id=f"m{self._count}")
        _, outcome = await self.ledger.submit(command, actor="c", timeout_seconds=10.0)
        return outcome

    async def counts(self) -> bool:
        """Whether a movement is taken now."""
        return isinstance(await self.move(), Moved)


@pytest.mark.parametrize("jump_seconds", [HOUR, -HOUR])
async def test_it_stops_and_goes_on(
    place: KafkaPlace, monkeypatch: pytest.MonkeyPatch, jump_seconds: float
) -> None:
    """One batch measures the difference; then nothing is written until the clock is right."""
    seldom, at_once = PROBE_SECONDS
    monkeypatch.setattr(kafka, "CLOCK_PROBE_SECONDS", seldom)
    machine = Machine(place)
    await machine.start()
    assert await machine.counts()
    machine.off_seconds = jump_seconds
    # The first is sent, since nobody knows yet; it counts, and its time is not the truth.
    assert await machine.counts()
    stopped = await machine.move()
    assert isinstance(stopped, Unavailable)
    assert "clock is" in stopped.detail
    machine.off_seconds = 0.0
    monkeypatch.setattr(kafka, "CLOCK_PROBE_SECONDS", at_once)
    await eventually(machine.counts)
    assert await machine.counts()
    # What was recorded never goes back, and says so for no longer than need be.
    heard = Counter(call.outcome for call in machine.calls)
    assert heard["accepted"] >= 4
    assert heard["unwritten"] >= 1
    result = await check_log(machine.log, History(machine.calls), Stored())
    assert (result.findings.total, result.unjudged) == (0, 0)
    assert sum(walk.fold.movements for walk in result.walks) == heard["accepted"]
    await machine.ledger.close()


@pytest.mark.parametrize("jump_seconds", [HOUR, -HOUR])
async def test_one_file_has_no_other_clock_to_ask(tmp_path: Path, jump_seconds: float) -> None:
    """Nobody can tell, so that it goes on; what was recorded never goes back all the same."""
    place = SqlitePlace(tmp_path)
    machine = Machine(place)
    await machine.start()
    recorded = []
    for off_seconds in (0.0, jump_seconds, 0.0):
        machine.off_seconds = off_seconds
        for _ in range(2):
            moved = await machine.move()
            assert isinstance(moved, Moved), moved
            recorded.append(moved.recorded_ms)
    assert recorded == sorted(recorded)
    assert recorded[-1] - recorded[0] >= max(0.0, jump_seconds) * 1000
    result = await check_log(machine.log, History(machine.calls), Stored())
    assert (result.findings.total, result.unjudged) == (0, 0)
    await machine.ledger.close()
    await place.close()
