"""One run: instances on one faulty log, callers, crashes; then calm, an end and an audit."""

import asyncio
import contextlib
import gc
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from unittest import mock

from ledger.service import Ledger
from tests.simulation.answers import problems_of_answers
from tests.simulation.auditor import Audit
from tests.simulation.callers import Callers
from tests.simulation.clock import run
from tests.simulation.faulty_log import NO_FAULTS, Broker, FaultySnapshots
from tests.simulation.group import Coordinator
from tests.simulation.holders import problems_of_holders, problems_of_recovery
from tests.simulation.instance import Instance, World
from tests.simulation.order import problems_of_order
from tests.simulation.peers import NO_PEER_FAULTS, Network
from tests.simulation.trails import problems_of_trails
from tests.simulation.views import ViewDatabase, positions, problems_of_views
from tests.simulation.weather import Weather, storm_of, weather_of
from tests.simulation.workload import Workload

# Of one run, where nobody says how many.
OPERATIONS = 2_000
PARTITIONS = 3
GC_YOUNG_OBJECTS = 50_000
CALLERS = 6
# How much of the traffic comes once the faults are over, and how many old commands come again.
CALM_SHARE = 0.1
PROBES = 60
PAUSE_SECONDS_MAX = 7.0
# By then whatever is on its way has landed, and who was gone is back.
SETTLE_SECONDS = 20.0
QUIET_SECONDS = 12.0
MOVE_EVERY_SECONDS = 0.2

# Everything that is a thousand in earnest is a handful here, so that every edge is met.
SMALL = {
    "ledger.writer.batch.BATCH_RECORDS_MAX": 6,
    "ledger.writer.queue.SLICE_COMMANDS": 3,
    "ledger.writer.snapshots.SLICE_SKUS": 1,
    "ledger.writer.snapshots.SLICE_IDS": 25,
    "ledger.writer.snapshots._FILTER_WORDS": 400,
    "ledger.writer.snapshots._RETRY_SECONDS": 0.0,
    "ledger.writer.filters._FIRST_FILTER_IDS": 32,
    "ledger.ownership.desks.KEEP_SECONDS": 10.0,
    "ledger.ownership.directory.CLAIM_EVERY_RECORDS": 50,
    "ledger.writer.tenure.CLAIM_EVERY_RECORDS": 50,
    "ledger.ownership.lanes.COMMANDS_MAX": 15,
    # Each instance of a run would freeze all that came before it.
    "ledger.service.gc": mock.MagicMock(),
}


@dataclass
class Result:
    """What came of a run."""

    seed: int
    problems: list[str]
    counted: int
    void: int
    forwarded: int = 0
    heard: dict[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def small() -> Iterator[None]:
    """Make all limits small, and say nothing: crashes fill a log."""
    before = logging.root.manager.disable
    with contextlib.ExitStack() as stack:
        for name, value in SMALL.items():
            stack.enter_context(mock.patch(name, value))
        logging.disable(logging.CRITICAL)
        stack.callback(logging.disable, before)
        # Nearly everything is freed by its count, as in a process that serves.
        stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(GC_YOUNG_OBJECTS, 20, 50)
        yield


class Simulation:
    """The instances of one run."""

    def __init__(
        self,
        seed: int,
        operations: int,
        *,
        ledger_class: type[Ledger] = Ledger,
        weather: Callable[[random.Random], Weather] = weather_of,
    ) -> None:
        """Everything follows from the seed."""
        self.chance = chance = random.Random(seed)
        self.seed = seed
        self.operations = operations
        self.weather = weather(chance)
        self.broker = Broker(PARTITIONS)
        self.store = FaultySnapshots(self._some_chance(), self.weather.log)
        self.world = World(
            self.broker,
            self.store,
            Network(self._some_chance(), self.weather.peers),
            ViewDatabase(self._some_chance(), self.weather.views_down),
            Coordinator(PARTITIONS, self._some_chance()),
            self._some_chance(),
            self.weather.log,
            ledger_class,
        )
        self.workload = Workload(self._some_chance())
        self.instances: list[Instance | None] = [None] * self.weather.instances
        self.callers = Callers(
            self._some_chance(), self.workload, self.instances, self.weather.bulk_commands_max
        )
        self._calm = asyncio.Event()
        self._ending = asyncio.Event()
        # Instances that are to be restarted in the calm.
        self._restart = asyncio.Event()

    def _some_chance(self) -> random.Random:
        return random.Random(self.chance.random())

    async def run(self) -> Result:
        """Traffic under faults, traffic in the calm, then the audit."""
        with mock.patch("projections.runner.open_store", self.world.views.open_store):
            lives = [asyncio.create_task(self._live(each)) for each in range(len(self.instances))]
            watch = asyncio.create_task(self.world.coordinator.watch())
            self.callers.left = int(self.operations * (1 - CALM_SHARE))
            await asyncio.gather(*(self.callers.work() for _ in range(CALLERS)))
            await self._clear_up()
            await self._calm_traffic()
            result = await self._quiet()
            watch.cancel()
            self._ending.set()
            self._restart.set()
            await asyncio.gather(*lives)
        result.problems += self.world.failures
        return result

    # ---- the instances ---------------------------------------------------------------------

    async def _live(self, number: int) -> None:
        """Start, work a while, end in some way, start again."""
        chance = self._some_chance()
        while not self._over(number):
            instance = Instance(self.world, number, shared=self.weather.shared, projects=number < 2)
            if not await instance.start():
                instance.process.kill()
                await asyncio.sleep(chance.uniform(0.0, 1.0))
                continue
            self.instances[number] = instance
            crashes = await self._work(instance, number, chance)
            self.instances[number] = None
            if not crashes:
                await instance.stop()
                continue
            instance.crash()
            if chance.random() < self.weather.snapshots_lost:
                await self.store.delete_all()
            if not self._calm.is_set():
                await asyncio.sleep(chance.choice((0.1, 1.0, 5.0)) * chance.random())

    async def _work(self, instance: Instance, number: int, chance: random.Random) -> bool:
        """Run with pauses until this life ends; True if by a crash."""
        while not self._calm.is_set():
            weather = self.weather
            whens = [_when(chance, rate) for rate in (weather.crashes, weather.pauses)]
            whens.append(_when(chance, weather.restarts))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(whens)):
                    await self._calm.wait()
                break
            if whens.index(min(whens)) != 1:
                return whens.index(min(whens)) == 0
            instance.process.pause()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0.1, PAUSE_SECONDS_MAX)):
                    await self._calm.wait()
            instance.process.go_on()
        if not self._over(number):
            # One is restarted in the calm.
            restarts = number == 1 and not self._restart.is_set()
            await (self._restart if restarts else self._ending).wait()
        return False

    def _over(self, number: int) -> bool:
        """Whether an instance is to run no more. Without a group only one is left in the end: all
        would go on fighting for every partition."""
        alone = number == 0 or self.weather.shared
        return self._ending.is_set() or (self._calm.is_set() and not alone)

    # ---- the end ---------------------------------------------------------------------------

    async def _clear_up(self) -> None:
        """No more faults; everybody is back, and whatever was on its way lands."""
        self.world.faults = self.store.faults = NO_FAULTS
        for log in self.world.logs:
            log.faults = NO_FAULTS
        self.world.network.faults = NO_PEER_FAULTS
        self.world.views.down = 0.0
        self.world.coordinator.calm = self.callers.calm = True
        self._calm.set()
        await asyncio.sleep(SETTLE_SECONDS)

    async def _calm_traffic(self) -> None:
        """Shares move and an instance restarts while everything else works: nobody may notice."""
        moving = asyncio.create_task(self._move())
        self.callers.left = int(self.operations * CALM_SHARE)
        old = self.workload.history
        probes = [
            self.workload.again(one) for one in self.chance.sample(old, min(len(old), PROBES))
        ]
        self._restart.set()
        await asyncio.gather(
            *(self.callers.work() for _ in range(CALLERS)),
            *(self.callers.insist(probe) for probe in probes),
        )
        moving.cancel()

    async def _move(self) -> None:
        while True:
            await asyncio.sleep(self.chance.uniform(0.0, 2 * MOVE_EVERY_SECONDS))
            self.world.coordinator.move()

    async def _quiet(self) -> Result:
        """Nobody asks for anything: owners stay, views catch up. Then all of it must agree."""
        await asyncio.sleep(QUIET_SECONDS)
        ends = [len(log) for log in self.broker.partitions]
        await asyncio.sleep(QUIET_SECONDS)
        audits = [Audit(number, log) for number, log in enumerate(self.broker.partitions)]
        problems = [
            f"partition {number}: still written to in the quiet"
            for number, end in enumerate(ends)
            if end != len(self.broker.partitions[number])
        ]
        for audit in audits:
            problems += audit.problems
        listening = [instance for instance in self.instances if instance is not None]
        owners = self.world.coordinator.owners if self.weather.shared else None
        problems += problems_of_holders(listening, owners, audits)
        problems += await problems_of_recovery(self.world.log(), self.store, audits)
        read = positions(self.world.views.connection)
        if read != dict(enumerate(ends)):
            problems.append(f"the views have read {read} of {ends}")
        problems += problems_of_views(self.world.views.connection, audits)
        problems += problems_of_trails(self.callers.trails, audits, self.world.views.connection)
        history = self.workload.history
        partition_of = {
            attempt.sku: listening[0].ledger.partition_of(attempt.sku) for attempt in history
        }
        problems += problems_of_answers(history, partition_of, audits)
        problems += problems_of_order(history, partition_of, audits)
        problems += self.callers.problems + self.world.network.problems
        counted = sum(len(audit.by_id) for audit in audits)
        void = sum(ends) - sum(len(audit.by_offset) for audit in audits)
        heard = dict(Counter(type(attempt.outcome).__name__ for attempt in history))
        return Result(self.seed, problems, counted, void, self.world.network.forwarded, heard)


def _when(chance: random.Random, rate: float) -> float:
    """In how many seconds something happens that happens so often a second."""
    return chance.expovariate(rate) if rate else 10_000.0


def simulate(seed: int, operations: int = OPERATIONS, *, storm: bool = False) -> Result:
    """One run, in a weather of its own or in a storm."""
    weather = storm_of if storm else weather_of
    with small():
        return run(Simulation(seed, operations, weather=weather).run())
