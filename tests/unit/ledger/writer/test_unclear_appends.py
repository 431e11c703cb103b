"""An append that stays of unknown outcome: tried a few times, and everybody hears in time."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from ledger.domain.facts import Moved
from ledger.errors import OutcomeUnknown
from ledger.service import Ledger
from ledger.writer import partition
from ledger.writer.outcomes import Outcome, Unavailable, Unknown
from tests import builders as make
from tests.unit.ledger.writer.harness import (
    ScriptedLog,
    World,
    late,
    lost_request,
    tell,
    with_ledger,
)


def test_an_append_that_stays_unclear() -> None:
    """It is tried a few times, with pauses that grow; then the caller hears that nobody knows."""
    tried_at: list[float] = []

    async def unclear(*_: Any) -> int:
        tried_at.append(asyncio.get_running_loop().time())
        raise OutcomeUnknown("the file may not grow")

    async def main(_: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [unclear] * 1_000
        begun = asyncio.get_running_loop().time()
        answer = await tell(ledger, make.issue("1", id="x"), 60.0)
        assert isinstance(answer, Unknown)
        assert answer.id == "x"
        assert answer.detail == "the file may not grow"
        seconds = asyncio.get_running_loop().time() - begun
        assert partition.RESOLVE_SECONDS < seconds < partition.RESOLVE_SECONDS + 1.1
        assert len(tried_at) < 20
        gaps = [later - one for one, later in pairwise(tried_at)]
        assert all(later > 1.5 * one for one, later in pairwise(gaps[1:6]))
        log.script.clear()
        assert isinstance(await tell(ledger, make.issue("1", id="x")), Moved)

    assert with_ledger(main).ids().count("x") == 1


def test_each_caller_of_an_append_that_stays_unclear_hears_in_time() -> None:
    """Who was in the batch: nobody knows. Who was not handed out: nothing was written."""

    async def main(_: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [lost_request] * 1_000
        loop = asyncio.get_running_loop()
        begun = loop.time()

        async def told(identity: str, seconds: float) -> tuple[Outcome, float]:
            outcome = await tell(ledger, make.issue("1", id=identity), seconds)
            return outcome, loop.time() - begun

        first = asyncio.create_task(told("x", 1.0))
        await asyncio.sleep(0.1)
        second = asyncio.create_task(told("y", 0.5))
        outcome, seconds = await second
        assert isinstance(outcome, Unavailable)
        assert seconds == pytest.approx(0.6)
        outcome, seconds = await first
        assert isinstance(outcome, Unknown)
        assert seconds == pytest.approx(1.0)

    assert "y" not in with_ledger(main).ids()


def test_what_lands_while_nobody_knows_is_found() -> None:
    """Also by the last look: then it is no time to give up."""

    async def main(_: World, ledger: Ledger, log: ScriptedLog) -> None:
        log.script = [late(partition.RESOLVE_SECONDS), *[lost_request] * 1_000]
        assert isinstance(await tell(ledger, make.issue("3", id="x")), Moved)

    assert with_ledger(main).ids().count("x") == 1
