"""Making the views of a side the live ones, while others read and write them."""

import asyncio
import time
from collections.abc import Callable, Mapping

from projections.checkpoints import VIEW_GROUP, Checkpoint
from projections.rebuilding.build import Build
from projections.rebuilding.errors import OtherHistory, ViewsInUse
from projections.rebuilding.sites import Note, Side, Site

# Readers and writers hold an exchange up; it is tried again for so long.
PATIENCE_SECONDS = 600.0
PAUSE_SECONDS = 2.0
# What is left to be read with everybody else waiting must not take long.
FENCED_SECONDS_MAX = 10.0
FENCED_RECORDS_MAX = 5_000


class Exchange:
    """One exchange: prepared once, tried until it succeeds."""

    def __init__(self, site: Site, build: Build, *, restored: bool = False) -> None:
        """The build has been started. `restored` lets the live views be of another history."""
        self._site = site
        self._build = build
        self._restored = restored

    async def make(self, side: Side, kept: Note, say: Callable[[str], None]) -> None:
        """Exchange the side's views for the live ones.

        Raises ViewsInUse after PATIENCE_SECONDS, BuildStopped, OtherHistory, DatabaseUnavailable.
        """
        await self._site.prepare(kept)
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            await self._catch_up()
            try:
                await self._try(side, kept)
            except ViewsInUse as error:
                if time.monotonic() > give_up_at:
                    raise
                say(f"the exchange waits: {error}")
                await asyncio.sleep(PAUSE_SECONDS)
                await self._build.start({})
                self._build.allow_all()
            else:
                break
        await self._site.settle()

    async def _catch_up(self) -> None:
        """Come near the live views while nobody waits."""
        while True:
            live = self._wanted(await self._site.positions())
            behind = sum(max(0, at - self._build.positions.get(one, 0)) for one, at in live.items())
            await self._build.bring(live)
            if behind <= FENCED_RECORDS_MAX:
                return

    async def _try(self, side: Side, kept: Note) -> None:
        async with self._site.fence() as positions:
            try:
                async with asyncio.timeout(FENCED_SECONDS_MAX):
                    await self._build.reach(self._wanted(positions))
                    await self._build.stop()
                    await self._build.sum_up()
            except TimeoutError:
                raise ViewsInUse("the last records could not be read in time") from None
            finally:
                await self._build.stop()
            await self._site.exchange(side, kept)

    def _wanted(self, positions: Mapping[str, Mapping[int, Checkpoint]]) -> dict[int, int]:
        """Where the views must be, so that nobody sees them go back."""
        if self._restored:
            return {}
        return {one: at.position for one, at in positions.get(VIEW_GROUP, {}).items()}


def check_history(live: Mapping[int, Checkpoint], ends: Mapping[int, int], ledger_id: str) -> None:
    """Raise OtherHistory if the live views were read from another log, or from a longer one.

    `ends` of the log are not older than `live`, where the views are.
    """
    why = _why_other("the live views", live, ends, ledger_id)
    if why is not None:
        raise OtherHistory(f"{why}; if the log was restored or replaced on purpose, say --restored")


def check_kept(kept: Mapping[int, Checkpoint], ends: Mapping[int, int], ledger_id: str) -> None:
    """The same of the views of before. Nothing makes them the log's, so none may override it."""
    why = _why_other("the views that are kept", kept, ends, ledger_id)
    if why is not None:
        raise OtherHistory(f"{why}; they cannot be live again, and --drop-old removes them")


def _why_other(
    views: str, positions: Mapping[int, Checkpoint], ends: Mapping[int, int], ledger_id: str
) -> str | None:
    for partition, at in positions.items():
        if at.ledger_id != ledger_id:
            return f"{views} are of ledger {at.ledger_id}, the log is of {ledger_id or 'none'}"
        end = ends.get(partition, 0)
        if at.position > end:
            return (
                f"partition {partition} ends at {end}, but {views} have read it up to {at.position}"
            )
    return None
