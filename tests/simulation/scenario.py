"""One run: some instances on one faulty log, callers, crashes; then a calm end and an audit."""

import asyncio
import contextlib
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from unittest import mock

from ledger.errors import LedgerError
from ledger.service import Ledger
from ledger.writer.outcomes import Outcome, Unknown
from tests.simulation.answers import problems_of_answers
from tests.simulation.auditor import Audit
from tests.simulation.clock import now_ms, run
from tests.simulation.faulty_log import (
    NO_FAULTS,
    Broker,
    Faults,
    FaultyLog,
    FaultySnapshots,
    FollowingIndex,
)
from tests.simulation.workload import Attempt, Workload

PARTITIONS = 2
CALLERS = 5
SNAPSHOT_EVERY_RECORDS = 25
WINDOW_IDS = 80
LEDGER_ID = "simulated"

# Everything that is a thousand in earnest is a handful here, so that every edge is met.
SMALL = {
    "ledger.writer.batch.BATCH_RECORDS_MAX": 6,
    "ledger.writer.queue.SLICE_COMMANDS": 3,
    "ledger.writer.snapshots.SLICE_SKUS": 1,
    "ledger.writer.snapshots.SLICE_IDS": 7,
    "ledger.writer.snapshots._FILTER_WORDS": 5,
    "ledger.writer.snapshots._RETRY_SECONDS": 0.0,
    "ledger.writer.idempotency._FIRST_FILTER_IDS": 32,
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
    heard: dict[str, int] = field(default_factory=dict)


@contextlib.contextmanager
def small() -> Iterator[None]:
    """Make all limits small."""
    with contextlib.ExitStack() as stack:
        for name, value in SMALL.items():
            stack.enter_context(mock.patch(name, value))
        yield


def faults_of(chance: random.Random) -> Faults:
    """Each run has its own weather: some faults often, some never."""

    def often(most: float) -> float:
        return chance.choice((0.0, most / 4, most))

    return Faults(
        unavailable=often(0.05),
        lost_request=often(0.08),
        lost_answer=often(0.08),
        late_landing=often(0.08),
        doubled=often(0.1),
        skewed=often(0.02),
        stale_read=often(0.2),
        slow=often(0.05),
        part_lost=often(0.05),
        part_corrupt=often(0.05),
        store_down=often(0.05),
    )


class Simulation:
    """The instances of one run."""

    def __init__(self, seed: int, operations: int) -> None:
        """Everything follows from the seed."""
        self.chance = random.Random(seed)
        self.seed = seed
        self.operations = operations
        self.faults = faults_of(self.chance)
        self.broker = Broker(PARTITIONS)
        self.store = FaultySnapshots(random.Random(self.chance.random()), self.faults)
        self.workload = Workload(random.Random(self.chance.random()))
        self.instances: list[Ledger | None] = [None] * self.chance.randint(1, 3)
        self.crash_rate = self.chance.choice((0.0, 0.5, 2.0))
        self.failures: list[str] = []
        self._ending = asyncio.Event()

    def ledger(self, name: str, faults: Faults) -> Ledger:
        """A new process."""
        log = FaultyLog(self.broker, random.Random(self.chance.random()), faults)
        index = FollowingIndex(self.broker, random.Random(self.chance.random()), 3)
        return Ledger(
            log,
            self.store,
            index,
            instance=name,
            new_ledger_id=lambda: LEDGER_ID,
            url=f"http://{name}",
            window_ids=WINDOW_IDS,
            queue_commands_max=40,
            snapshot_every_records=SNAPSHOT_EVERY_RECORDS,
            clock_ms=now_ms,
            chance=random.Random(self.chance.random()),
        )

    async def run(self) -> Result:
        """Traffic under faults, then an end without any, then the audit."""
        lives = [asyncio.create_task(self._live(number)) for number in range(len(self.instances))]
        left = iter(range(self.operations))
        await asyncio.gather(*(self._caller(left) for _ in range(CALLERS)))
        self._ending.set()
        await asyncio.gather(*lives)
        # Whatever is still on its way lands.
        await asyncio.sleep(60)
        return await self._audit()

    async def _live(self, number: int) -> None:
        """Start, work a while, crash, start again."""
        while not self._ending.is_set():
            ledger = self.ledger(f"instance-{number}", self.faults)
            with contextlib.suppress(LedgerError):
                await ledger.start()
                self.instances[number] = ledger
            life = self.chance.expovariate(self.crash_rate) if self.crash_rate else 1_000.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(life):
                    await self._ending.wait()
            self.instances[number] = None
            self.failures += [
                writer.failure for writer in ledger.writers if writer.failure is not None
            ]
            if not self._ending.is_set() or self.chance.random() < 0.5:
                await crash(ledger)
            else:
                await ledger.close()

    async def _caller(self, left: Iterator[int]) -> None:
        for _ in left:
            ready = [ledger for ledger in self.instances if ledger is not None]
            if not ready:
                await asyncio.sleep(0.05)
                continue
            ledger = self.chance.choice(ready)
            actor = self.chance.choice((None, "key-1"))
            timeout = self.chance.choice((0.02, 1.0, 30.0))
            if self.chance.random() < 0.15:
                attempts = self.workload.bulk(self.chance.randint(1, 12))
                answers = await ledger.submit_bulk(
                    [attempt.command() for attempt in attempts],
                    actor=actor,
                    timeout_seconds=timeout,
                )
                for attempt, (_, outcome) in zip(attempts, answers, strict=True):
                    attempt.outcome = outcome
            else:
                attempt = self.workload.next()
                await self._one(ledger, attempt, actor, timeout)
            await asyncio.sleep(self.chance.uniform(0.0, 0.02))

    async def _one(
        self, ledger: Ledger, attempt: Attempt, actor: str | None, seconds: float
    ) -> None:
        call = asyncio.create_task(
            ledger.submit(attempt.command(), actor=actor, timeout_seconds=seconds)
        )
        if self.chance.random() < 0.03:
            # The caller hangs up.
            await asyncio.sleep(self.chance.uniform(0.0, 0.02))
            call.cancel()
        try:
            _, attempt.outcome = await call
        except asyncio.CancelledError:
            attempt.outcome = Unknown(attempt.id, "the caller hung up")

    async def _audit(self) -> Result:
        problems = [f"a writer stopped: {failure}" for failure in self.failures if _bad(failure)]
        last = self.ledger("auditor", NO_FAULTS)
        self.store.faults = NO_FAULTS
        await last.start()
        probe = await self._probe(last)
        await last.close()
        audits = [Audit(number, log) for number, log in enumerate(self.broker.partitions)]
        for audit, writer in zip(audits, last.writers, strict=True):
            problems += audit.problems
            problems += _differences(audit, writer.state.skus)
        partition_of = {attempt.sku: last.partition_of(attempt.sku) for attempt in probe}
        problems += problems_of_answers(probe, partition_of, audits)
        heard: dict[str, int] = {}
        for attempt in probe:
            name = type(attempt.outcome).__name__
            heard[name] = heard.get(name, 0) + 1
        counted = sum(len(audit.by_id) for audit in audits)
        lying = sum(len(log) for log in self.broker.partitions)
        void = lying - sum(len(audit.by_offset) for audit in audits)
        return Result(self.seed, problems, counted, void, heard)

    async def _probe(self, last: Ledger) -> list[Attempt]:
        """Send a part of all commands once more, without faults: every answer must be final."""
        history = list(self.workload.history)
        for attempt in self.chance.sample(history, min(len(history), 60)):
            again = Attempt(attempt.id, attempt.sku, attempt.sent)
            _, again.outcome = await last.submit(
                again.command(), actor=None, timeout_seconds=1_000.0
            )
            if _name(again.outcome) in ("Unknown", "Unavailable"):
                self.failures.append(f"{attempt.id} is not answered on a calm log")
            history.append(again)
        return history


def _name(outcome: Outcome | None) -> str:
    return type(outcome).__name__


def _bad(failure: str) -> bool:
    """A crash is no failure; whatever else stops a writer is one, on a log that loses nothing."""
    return "cancelled" not in failure


def _differences(audit: Audit, skus: Mapping[str, object]) -> list[str]:
    """Where the state of a writer is not what the model says."""
    found = []
    for name, stock in audit.stock.items():
        state = skus.get(name)
        levels: dict[str, int] = getattr(state, "levels", {})
        scale = getattr(state, "scale", 0)
        says = sorted(levels.values())
        model = sorted(int(amount * 10**scale) for amount in stock.levels.values() if amount)
        value = getattr(state, "value", 0)
        quantity = getattr(state, "quantity", 0)
        if says != model or quantity != sum(model) or value != stock.value * 10**6:
            found.append(
                f"{name}: the writer holds {says} of value {value}, the log says {model} "
                f"of value {stock.value * 10**6}"
            )
    return found


async def crash(ledger: Ledger) -> None:
    """End a process without a word: at whatever await it is."""
    tasks = [*ledger._desks._tasks.values()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def simulate(seed: int, operations: int = 300) -> Result:
    """One run."""
    with small():
        return run(Simulation(seed, operations).run())
