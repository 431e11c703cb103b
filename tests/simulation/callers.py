"""Those who send commands: to any instance, once more after an unknown outcome, or not at all."""

import asyncio
import random
from typing import Any

from ledger.domain.facts import Command
from ledger.events.trails import Trail, encode_trail
from ledger.service import Ledger
from ledger.writer.outcomes import Outcome, Unavailable, Unknown
from tests.simulation.clock import ConnectionLost
from tests.simulation.instance import Instance
from tests.simulation.trails import Sent
from tests.simulation.workload import Attempt, Workload

# Beyond its own time-out a call may last this long: the instance may have been paused.
PATIENCE_SECONDS = 40.0
# On a calm log nobody waits that long for one answer, or has to ask that often.
CALM_SECONDS_MAX = 3.0
CALM_TRIES_MAX = 8
CALM_PAUSE_SECONDS = 0.7


class Callers:
    """All callers of a run; `instances` holds those that listen, or None."""

    def __init__(
        self,
        chance: random.Random,
        workload: Workload,
        instances: list[Instance | None],
        bulk_commands_max: tuple[int, ...],
    ) -> None:
        """A bulk has at most one of `bulk_commands_max`.

        `calm`: from now on every command must be answered soon. `left`: commands to send.
        """
        self.calm = False
        self.left = 0
        self.problems: list[str] = []
        self.trails: Sent = {}
        self._requests = 0
        self._chance = chance
        self._workload = workload
        self._instances = instances
        self._bulk_commands_max = bulk_commands_max

    async def work(self) -> None:
        """One caller: commands one after the other, until none are left."""
        while self.left > 0:
            instance = self._some()
            if instance is None:
                await asyncio.sleep(0.05)
                continue
            if self._chance.random() < 0.15:
                most = self._chance.choice(self._bulk_commands_max)
                attempts = self._workload.bulk(self._chance.randint(2, most))
            else:
                attempts = [self._workload.next()]
            self.left -= len(attempts)
            await self.send(instance, attempts)
            if self.calm:
                await self._insist_on(attempts)
            elif self._chance.random() < 0.5:
                await self._again_if_unknown(attempts)
            await asyncio.sleep(self._chance.uniform(0.0, 0.02))

    def _some(self) -> Instance | None:
        ready = [instance for instance in self._instances if instance is not None]
        return self._chance.choice(ready) if ready else None

    async def _again_if_unknown(self, attempts: list[Attempt]) -> None:
        """What a good client does: the same id, to whoever is there."""
        unknown = [one for one in attempts if isinstance(one.outcome, Unknown)]
        instance = self._some()
        if unknown and instance is not None:
            self.left -= len(unknown)
            await self.send(instance, [self._workload.again(one) for one in unknown])

    async def _insist_on(self, attempts: list[Attempt]) -> None:
        for attempt in attempts:
            if isinstance(attempt.outcome, Unknown | Unavailable):
                await self.insist(self._workload.again(attempt))

    async def insist(self, attempt: Attempt) -> None:
        """Send until there is a final answer."""
        for _ in range(CALM_TRIES_MAX):
            instance = self._some()
            if instance is not None:
                await self.send(instance, [attempt])
                if not isinstance(attempt.outcome, Unknown | Unavailable):
                    return
            await asyncio.sleep(CALM_PAUSE_SECONDS)
            attempt = self._workload.again(attempt)
        self.problems.append(f"{attempt.id} is not answered on a calm log: {attempt.outcome}")

    async def send(self, instance: Instance, attempts: list[Attempt]) -> None:
        """Send one or many, and write down what is heard."""
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        seconds = 30.0 if self.calm else self._chance.choice((0.02, 1.0, 30.0))
        actor = self._chance.choice((None, "key-1"))
        # A trail is of one request; each has attempts of its own, and no chance is needed.
        number = self._requests = self._requests + 1
        trail = encode_trail(Trail(f"simulated@{instance.url}", f"r-{number}", actor))
        if instance.server is not None:
            instance.server.given.update(attempt.id for attempt in attempts)
        for attempt in attempts:
            attempt.sent_at = self._workload.tick()
            self.trails.setdefault(attempt.id, set()).add(trail)
        commands = [attempt.command() for attempt in attempts]
        ledger = instance.ledger
        if len(attempts) == 1:
            call = instance.process.call(
                _one(ledger, commands[0], seconds, actor=actor, trail=trail)
            )
        else:
            call = instance.process.call(
                ledger.submit_bulk(commands, actor=actor, timeout_seconds=seconds, trail=trail)
            )
        await self._hear(instance, call, attempts, seconds)
        if self.calm and loop.time() > sent_at + CALM_SECONDS_MAX:
            names = ", ".join(attempt.id for attempt in attempts)
            self.problems.append(f"{names}: {loop.time() - sent_at:.1f} s on a calm log")

    async def _hear(
        self,
        instance: Instance,
        call: asyncio.Future[list[tuple[int, Outcome]]],
        attempts: list[Attempt],
        seconds: float,
    ) -> None:
        leaves = not self.calm and self._chance.random() < 0.03
        patience = self._chance.uniform(0.0, 0.02) if leaves else seconds + PATIENCE_SECONDS
        try:
            async with asyncio.timeout(patience):
                answers = await asyncio.shield(call)
        except (TimeoutError, ConnectionLost) as error:
            if isinstance(error, TimeoutError) and not leaves:
                self.problems.append(f"{attempts[0].id} was never answered")
            instance.process.hang_up(call)
            for attempt in attempts:
                attempt.outcome = Unknown(attempt.id, "nothing was heard")
            return
        for attempt, (_, outcome) in zip(attempts, answers, strict=True):
            attempt.outcome = outcome
            attempt.answered_at = self._workload.tick()


async def _one(
    ledger: Ledger, command: Command, seconds: float, **caller: Any
) -> list[tuple[int, Outcome]]:
    return [await ledger.submit(command, timeout_seconds=seconds, **caller)]
