"""One run: clients work, faults come one after the other, and in the end everything is checked."""

import asyncio
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, monotonic_ns

from tests.chaos.clients import clients_of
from tests.chaos.faults import Fault
from tests.chaos.instance import all_ready
from tests.chaos.judge import Episode, Verdict, judge
from tests.chaos.sites import Site

READY_SECONDS_MAX = 90.0
CALM_SECONDS = (0.5, 2.5)
TWO_AT_ONCE = 0.15


class Plan:
    """Which fault comes next, by chance: each kind once before any comes again."""

    def __init__(self, faults: Sequence[Fault], chance: random.Random) -> None:
        """`faults` has one of each kind."""
        self._faults, self._chance = faults, chance
        self._waiting: list[Fault] = []

    def next(self) -> list[Fault]:
        """One fault, sometimes two at once, which are never of one kind."""
        if not self._waiting:
            self._waiting = self._chance.sample(self._faults, len(self._faults))
        together = len(self._waiting) > 1 and self._chance.random() < TWO_AT_ONCE
        return [self._waiting.pop() for _ in range(2 if together else 1)]


@dataclass(frozen=True, kw_only=True)
class Order:
    """How long faults come, at least `faults_min` of them, and how many clients there are."""

    seed: int
    seconds: float
    clients: int
    faults_min: int = 1


async def run(site: Site, folder: Path, order: Order) -> Verdict:
    """Let faults come, then judge. What does not recover is a problem."""
    chance = random.Random(f"{order.seed}-{site.name}")
    working = clients_of([one.url for one in site.instances], folder, order.seed, order.clients)
    files = [folder / f"{one.recorder.client}.ndjson" for one in working]
    over = asyncio.Event()
    episodes: list[Episode] = []
    problems: list[str] = []
    async with asyncio.TaskGroup() as group:
        for one in working:
            group.create_task(one.work(over))
        until = monotonic() + order.seconds
        plan = Plan(site.faults, chance)
        while (monotonic() < until or len(episodes) < order.faults_min) and not problems:
            await asyncio.sleep(chance.uniform(*CALM_SECONDS))
            episode, found = await _episode(site, plan.next(), chance)
            episodes.append(episode)
            problems += found
        over.set()
    problems += [f"no answer: {identity}" for one in working for identity in one.open]
    verdict = await judge(site.name, files, site.views, episodes)
    verdict.problems += problems
    return verdict


async def _episode(
    site: Site, faults: Sequence[Fault], chance: random.Random
) -> tuple[Episode, list[str]]:
    began = monotonic_ns()
    kind = " and ".join(fault.kind for fault in faults)
    try:
        for fault in faults:
            await fault.begin()
            _say(f"{fault.kind} {fault.target}")
        await asyncio.sleep(max(chance.uniform(*fault.seconds) for fault in faults))
    finally:
        await asyncio.gather(*(fault.end() for fault in faults))
        _say(f"{kind} {' and '.join(fault.target for fault in faults)} put right")
    ended = monotonic_ns()
    reasons = await all_ready(site.instances, READY_SECONDS_MAX)
    _say("all ready")
    problems = [f"not ready {READY_SECONDS_MAX:g} s after {kind}: {reason}" for reason in reasons]
    shown = kind if len(faults) == 1 else "two at once"
    return Episode(shown, began, ended, monotonic_ns()), problems


def _say(what: str) -> None:
    """The course of the run, with the time of day as in the logs of the servers."""
    now = datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3]
    sys.stderr.write(f"{now} {what}\n")
