"""Work that is looked for again and again, as long as a process lives."""

import asyncio
import logging
from typing import Protocol

from ledger.errors import LedgerError, LogUnavailable
from projections.database import DatabaseUnavailable

# Between two looks, while nothing is behind.
LOOK_SECONDS = 1.0
BACKOFF_MAX_SECONDS = 10.0

_PASSING = (DatabaseUnavailable, LogUnavailable)
_logger = logging.getLogger(__name__)


class Work(Protocol):
    """What `keep_looking` does. `failure` says why it stopped for good, `trouble` why it waits."""

    name: str
    failure: str | None
    trouble: str | None

    async def look(self) -> bool:
        """Do the next piece of what there is to do; whether there is more."""
        ...

    async def close(self) -> None:
        """Let go of everything; the next `look` begins anew."""
        ...


async def keep_looking(work: Work) -> None:
    """Look until cancelled. What is wrong for good stops this work, and only it."""
    delay = LOOK_SECONDS
    try:
        while True:
            try:
                behind = await work.look()
            except _PASSING as error:
                work.trouble = str(error)
                _logger.warning("%s wait: %s", work.name, error)
                await work.close()
                await asyncio.sleep(delay)
                delay = min(delay * 2, BACKOFF_MAX_SECONDS)
                continue
            work.trouble, delay = None, LOOK_SECONDS
            if not behind:
                await asyncio.sleep(LOOK_SECONDS)
    except Exception as error:
        work.failure = str(error) if isinstance(error, LedgerError) else repr(error)
        _logger.exception("%s stop", work.name)
    finally:
        await work.close()
    await asyncio.Event().wait()
