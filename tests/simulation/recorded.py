"""Simulated runs with `check-history` as the judge: every call of a ledger is recorded."""

import asyncio
from typing import Any

import msgspec

from ledger.domain.facts import Command
from ledger.service import Ledger
from ledger.writer.outcomes import Outcome
from ops.check_history.check import Result, Stored, check_log
from ops.check_history.checks_state import Snapshot
from ops.check_history.history import History, Operation
from ops.check_history.snapshots import read_snapshot
from tests.simulation.clock import run
from tests.simulation.faulty_log import NO_FAULTS
from tests.simulation.scenario import Simulation, small
from tests.unit.ops.story import StoredLog, encode, hear

NANOSECONDS = 1_000_000_000


def _now_ns() -> int:
    return int(asyncio.get_running_loop().time() * NANOSECONDS)


class Recorded(Ledger):
    """A ledger that writes down what it is told and what it answers."""

    calls: list[Operation]

    def _sent(self, command: Command, actor: str | None) -> Operation:
        asked = msgspec.to_builtins(command)
        told = Operation(
            client=actor or "anybody",
            op="item" if "item" in asked else "movement" if "type" in asked else "supply_order",
            sku=asked["sku"],
            id=asked["id"],
            sent_ns=_now_ns(),
            outcome="unknown",
            command=msgspec.Raw(encode(asked)),
        )
        self.calls.append(told)
        return told

    async def submit(
        self, command: Command, *, actor: str | None, **more: Any
    ) -> tuple[int, Outcome]:
        """Record one."""
        told = self._sent(command, actor)
        partition, outcome = await super().submit(command, actor=actor, **more)
        told.answered_ns = _now_ns()
        hear(told, partition, outcome)
        return partition, outcome

    async def submit_bulk(
        self, commands: Any, *, actor: str | None, **more: Any
    ) -> list[tuple[int, Outcome]]:
        """Record many."""
        sent = [self._sent(command, actor) for command in commands]
        answers = await super().submit_bulk(commands, actor=actor, **more)
        for told, (partition, outcome) in zip(sent, answers, strict=True):
            told.answered_ns = _now_ns()
            hear(told, partition, outcome)
        return answers


def judged(seed: int, operations: int) -> tuple[Result, Simulation, list[Operation]]:
    """A run and what the checker says of it."""

    class Here(Recorded):
        """The ledgers of this run."""

        calls: list[Operation] = []  # noqa: RUF012 - shared by the run's instances on purpose

    async def judge() -> Result:
        await simulation.run()
        simulation.store.faults = NO_FAULTS
        stored = Stored()
        for partition in range(len(simulation.broker.partitions)):
            snapshot = await read_snapshot(simulation.store, partition)
            if isinstance(snapshot, Snapshot):
                stored.snapshots.append(snapshot)
        log = StoredLog(simulation.broker.partitions)
        return await check_log(log, History(Here.calls), stored)

    simulation = Simulation(seed, operations, ledger_class=Here)
    with small():
        return run(judge()), simulation, Here.calls
