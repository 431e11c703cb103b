"""Whether an instance is reached at the address that it gives to others."""

import asyncio
import logging

import pytest

from ledger.ownership import address as module
from ledger.ownership.address import NAME_PATH, AddressWatch
from ledger.peers import PeerUnreachable
from tests.waiting import eventually

URL = "http://me"


class Answering:
    """Whoever is at the address: a name, or nobody."""

    def __init__(self, name: str | None) -> None:
        """Not asked yet."""
        self.name = name
        self.asked = 0

    async def ask(self, url: str, path: str, body: bytes, seconds: float) -> bytes:
        """The name."""
        assert (url, path, body) == (URL, NAME_PATH, b"")
        assert seconds > 0
        self.asked += 1
        if self.name is None:
            raise PeerUnreachable(f"{url} cannot be reached")
        return self.name.encode()

    async def close(self) -> None:
        """Nothing is open."""


async def test_what_is_found_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody, somebody else, and then this instance; each is logged once, with the address."""
    monkeypatch.setattr(module, "RETRY_SECONDS", (0.001, 0.002))
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    caplog.set_level(logging.INFO)
    peers = Answering(None)
    watch = AddressWatch(peers, URL, "me-1")
    assert watch.reasons() == ["the advertised address was not tried yet"]
    running = asyncio.create_task(watch.run())
    for name, word in ((None, "nobody"), ("other", "somebody else"), ("me-1", None)):
        peers.name = name
        await eventually(lambda: word in (watch.failure or "") if word else not watch.failure)  # noqa: B023
        asked = peers.asked
        await eventually(lambda: peers.asked > asked + 2)  # noqa: B023
        assert URL not in f"{watch.reasons()}", "readyz is open to everybody"
    peers.name = None
    await eventually(lambda: watch.failure)
    running.cancel()
    lines = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert ["nobody" in line for line in lines] == [True, False, False, True]
    assert all(URL in line for line in lines)
