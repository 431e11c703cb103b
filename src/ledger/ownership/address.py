"""Whether others can reach this instance where its claims say that it is: it asks itself there."""

import asyncio
import logging
from typing import Final

from ledger.errors import LedgerError
from ledger.peers import Peers

NAME_PATH: Final = "/internal/v1/name"
ASK_SECONDS: Final = 3.0
# From one look to the next: soon while it fails, and the longer the more often it did.
RETRY_SECONDS: Final = (0.05, 5.0)
LOOK_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class AddressWatch:
    """Asks whoever answers at the advertised address for its name, which must be this one's."""

    def __init__(self, peers: Peers, url: str, name: str) -> None:
        """Not asked yet."""
        # In public: what it says names no host. The log does.
        self.failure: str | None = "the advertised address was not tried yet"
        self._peers = peers
        self._url = url
        self._name = name

    def reasons(self) -> list[str]:
        """Why others cannot send commands here, if so."""
        return [] if self.failure is None else [self.failure]

    async def run(self) -> None:
        """Look again and again until cancelled."""
        pause = RETRY_SECONDS[0]
        while True:
            if await self._is_right():
                pause = RETRY_SECONDS[0]
                await asyncio.sleep(LOOK_SECONDS)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS[1])

    async def _is_right(self) -> bool:
        try:
            answer = await self._peers.ask(self._url, NAME_PATH, b"", ASK_SECONDS)
        except LedgerError as error:
            self._note("nobody is reached at the advertised address", str(error))
            return False
        if answer != self._name.encode():
            self._note("somebody else answers at the advertised address", self._url)
            return False
        self._note(None, self._url)
        return True

    def _note(self, failure: str | None, detail: str) -> None:
        """Say it in the log when it changes."""
        if failure == self.failure:
            return
        self.failure = failure
        if failure is None:
            _log.info("others reach this instance at %s", detail)
        else:
            _log.warning("%s, so that no other instance can send here: %s", failure, detail)
