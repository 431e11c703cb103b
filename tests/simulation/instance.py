"""One instance: a process with a ledger, a place in the group, peers, and perhaps a projector."""

import asyncio
import contextlib
import random
from dataclasses import dataclass, field
from typing import Any

from ledger.errors import LedgerError
from ledger.ownership.instances import Instances
from ledger.service import Ledger
from projections.positions import Positions
from projections.runner import Projector
from tests.simulation.clock import Process, now_ms
from tests.simulation.faulty_log import Broker, Faults, FaultyLog, FaultySnapshots, FollowingIndex
from tests.simulation.group import Coordinator, SimulatedGroup
from tests.simulation.peers import Network, Server, SimulatedPeers
from tests.simulation.views import ViewDatabase, ViewIndex

SNAPSHOT_EVERY_RECORDS = 100
WINDOW_IDS = 120
QUEUE_COMMANDS_MAX = 60
LEDGER_ID = "simulated"
LEAVE_SECONDS_MAX = 5.0
DRAIN_SECONDS_MAX = 60.0


@dataclass
class World:
    """What all instances have in common."""

    broker: Broker
    store: FaultySnapshots
    network: Network
    views: ViewDatabase
    coordinator: Coordinator
    chance: random.Random
    faults: Faults
    ledger_class: type[Ledger] = Ledger
    logs: list[FaultyLog] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def log(self) -> FaultyLog:
        """Another client of the broker."""
        drawn = self.chance.random()
        log = FaultyLog(self.broker, random.Random(drawn), self.faults)
        # Some make records of facts themselves, as the process of an embedded log does.
        log.records_facts = drawn < PACKING_SHARE
        self.logs.append(log)
        return log


PACKING_SHARE = 0.4


class Instance:
    """One life of an instance, from its start to its end."""

    def __init__(self, world: World, number: int, *, shared: bool, projects: bool) -> None:
        """Not started. `shared`: it writes its share only and forwards the rest."""
        self.url = f"http://instance-{number}"
        self.process = Process(f"instance-{number}")
        self.server: Server | None = None
        self._world = world
        self._group = SimulatedGroup(world.coordinator, self.process)
        self._peers = SimulatedPeers(world.network)
        self._log = world.log()
        self._shared = shared
        self._projector = None
        if projects:
            database: Any = world.views
            log = world.log()
            self._projector = Projector(log, database, Positions(database))
        self.ledger = self._ledger(f"instance-{number}")

    def _ledger(self, name: str) -> Ledger:
        world = self._world
        instances = Instances(self._group, self._peers, own_url=self.url, sender=name)
        index = FollowingIndex(world.broker, random.Random(world.chance.random()), 3)
        return world.ledger_class(
            self._log,
            world.store,
            ViewIndex(world.views) if self._shared else index,
            instance=name,
            new_ledger_id=lambda: LEDGER_ID,
            url=self.url,
            window_ids=WINDOW_IDS,
            queue_commands_max=QUEUE_COMMANDS_MAX,
            snapshot_every_records=SNAPSHOT_EVERY_RECORDS,
            clock_ms=now_ms,
            chance=random.Random(world.chance.random()),
            instances=instances if self._shared else None,
        )

    @property
    def member(self) -> SimulatedGroup:
        """Its place in the group."""
        return self._group

    async def start(self) -> bool:
        """Listen once the log is open; recovery may go on. False if it could not be opened."""
        starting = self.process.call(self.ledger.start())
        opened = self.process.call(self.ledger.opened.wait())
        await asyncio.wait((starting, opened), return_when=asyncio.FIRST_COMPLETED)
        if starting.done() and (error := starting.exception()) is not None:
            if not isinstance(error, LedgerError):
                raise error
            return False
        if self._projector is not None:
            _ = self.process.spawn(self._projector.run())
        self.server = self._peers.server = Server(self.process, self.ledger.host())
        if self._shared:
            self._world.network.servers[self.url] = self.server
        return True

    def crash(self) -> None:
        """End without a word, wherever it is."""
        self._note()
        self._deaf()
        self.process.kill()

    async def stop(self) -> None:
        """End as a rolling restart ends it: hand over, answer everybody, close."""
        if self._shared:
            await self.process.call(self._group.leave())
            await self._until(lambda: not self.ledger._desks.held, LEAVE_SECONDS_MAX)
        self._deaf()
        if not await self._until(lambda: not self.process.busy, DRAIN_SECONDS_MAX):
            self._world.failures.append(f"{self.url}: requests are never answered")
        self._note()
        await self.process.call(self.ledger.close())
        self.process.kill()

    async def _until(self, condition: Any, seconds_max: float) -> bool:
        """Wait for something to become true. Nobody tells of it, so it is looked at."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds_max):
                while not condition():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        return bool(condition())

    def _deaf(self) -> None:
        servers = self._world.network.servers
        if servers.get(self.url) is self.server:
            servers.pop(self.url, None)

    def _note(self) -> None:
        """Whatever stops a writer or a projector is wrong, on a log that loses nothing."""
        self._world.failures += self.wrong()

    def wrong(self) -> list[str]:
        """What has stopped."""
        found = [
            f"a writer stopped: {writer.failure}"
            for writer in self.ledger.writers
            if writer.failure is not None
        ]
        projector = self._projector
        if projector is not None:
            found += [f"a projector stopped: {why}" for why in projector.failures.values()]
            if projector.trouble is not None and "ended" in projector.trouble:
                found.append(projector.trouble)
        return found
