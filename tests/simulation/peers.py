"""Requests between instances over a network that loses, doubles and delays them."""

import asyncio
import random
from dataclasses import dataclass, field

from ledger.errors import LedgerError
from ledger.ownership.host import Host
from ledger.ownership.lanes import BUNDLE_PATH
from ledger.ownership.peers import PeerSilent, PeerUnreachable
from ledger.ownership.wire import decode_bundle, decode_question, encode, unwrap_commands
from tests.simulation.clock import OUTSIDE, ConnectionLost, Process


@dataclass(frozen=True)
class PeerFaults:
    """How often what goes wrong on the way, each as a chance per request."""

    unreachable: float = 0.0
    lost_request: float = 0.0
    lost_answer: float = 0.0
    doubled: float = 0.0
    very_late: float = 0.0
    slow: float = 0.0


NO_PEER_FAULTS = PeerFaults()
SECONDS = 0.003
SECONDS_SLOW_MAX = 1.0
SECONDS_VERY_LATE_MAX = 15.0


@dataclass
class Server:
    """A process that listens. `given` holds the ids that callers handed in here."""

    process: Process
    host: Host
    given: set[str] = field(default_factory=set)


class Network:
    """All servers by their URL. `problems` says what no request may be."""

    def __init__(self, chance: random.Random, faults: PeerFaults) -> None:
        """Nobody listens."""
        self.faults = faults
        self.servers: dict[str, Server] = {}
        self.problems: list[str] = []
        self.forwarded = 0
        self._chance = chance

    async def ask(self, sender: Server | None, url: str, path: str, body: bytes) -> bytes:
        """Carry a request there and its answer back. Raises PeerUnreachable, PeerSilent."""
        if path == BUNDLE_PATH:
            self._judge(sender, url, body)
        faults = self.faults
        await asyncio.sleep(self._seconds())
        if self._happens(faults.unreachable) or url not in self.servers:
            raise PeerUnreachable("connection refused")
        if self._happens(faults.very_late):
            self._later(self._chance.uniform(0.0, SECONDS_VERY_LATE_MAX), url, path, body)
            raise PeerSilent("no answer in time")
        if self._happens(faults.lost_request):
            raise PeerSilent("connection reset")
        doubled = self._happens(faults.doubled)
        if doubled:
            self._later(self._seconds(), url, path, body)
        server = self.servers[url]
        try:
            answer = await server.process.call(self._serve(server, path, body))
        except ConnectionLost as error:
            raise PeerSilent(str(error)) from error
        await asyncio.sleep(self._seconds())
        # A request is sent twice only where its connection broke, so there is no answer either.
        if doubled or self._happens(faults.lost_answer):
            raise PeerSilent("the answer was lost")
        return answer

    async def _serve(self, server: Server, path: str, body: bytes) -> bytes:
        """What the receiver does, in its own process."""
        try:
            if path == BUNDLE_PATH:
                return encode(await server.host.bundle(decode_bundle(body)))
            return encode(await server.host.question(decode_question(body)))
        except LedgerError as error:
            raise ConnectionLost(f"answered with an error: {error}") from error

    def _later(self, seconds: float, url: str, path: str, body: bytes) -> None:
        """Deliver it once more than anybody waits for."""
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, self._land, url, path, body, context=OUTSIDE)

    def _land(self, url: str, path: str, body: bytes) -> None:
        server = self.servers.get(url)
        if server is not None:
            _ = server.process.call(self._serve(server, path, body))

    def _judge(self, sender: Server | None, url: str, body: bytes) -> None:
        """A forwarded command goes no further: who sends one has got it from a caller."""
        for part in decode_bundle(body).parts:
            for command in unwrap_commands(part.commands):
                self.forwarded += 1
                if sender is None or command.id not in sender.given:
                    self.problems.append(f"{command.id}: sent on to {url} by who only received it")

    def _seconds(self) -> float:
        slow = self._happens(self.faults.slow)
        return self._chance.uniform(0.0, SECONDS_SLOW_MAX if slow else SECONDS)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability


class SimulatedPeers:
    """One instance's end of the network."""

    def __init__(self, network: Network) -> None:
        """`server` is set once the instance listens itself."""
        self.server: Server | None = None
        self._network = network

    async def ask(self, url: str, path: str, body: bytes, seconds: float) -> bytes:
        """As `Peers.ask` says."""
        try:
            async with asyncio.timeout(seconds):
                return await self._network.ask(self.server, url, path, body)
        except TimeoutError as error:
            raise PeerSilent(f"no answer within {seconds} s") from error

    async def close(self) -> None:
        """Nothing is kept open."""
