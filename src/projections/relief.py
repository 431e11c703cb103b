"""Partitions that no projector moves on: whoever notices follows them too."""

import asyncio
import logging

from ledger.log import EventLog
from projections.following import TRANSIENT, Following
from projections.stores import ViewStore

# A partition that is behind, and has not moved between two looks, is taken over. Longer than it
# takes the group to notice that a member is gone, and than one transaction takes.
LOOK_SECONDS = 20.0

_logger = logging.getLogger(__name__)


class Relief:
    """Looks after the partitions that others should follow.

    The group only knows who answers its coordinator. A member that cannot reach the database, or
    writes to another one of the same name, or a group that nobody may join, would leave views
    behind for good. Two who follow one partition change nothing twice; the one who finds that
    somebody else wrote lets go of it.
    """

    def __init__(self, log: EventLog, store: ViewStore, following: Following) -> None:
        """Nothing is known of the others yet."""
        self._log = log
        self._store = store
        self._following = following
        self._positions: dict[int, int] = {}
        self._elsewhere: frozenset[int] = frozenset()

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                stuck = await self.look()
            except TRANSIENT:
                self._positions = {}  # whoever is away may be so for the others too
                continue
            if stuck:
                _logger.warning("nobody moves the views of partitions %s on: taken over", stuck)
                self._following.relieve(stuck)

    async def look(self) -> list[int]:
        """The partitions that are behind, where they were at the last look, and nobody's here.

        What is stopped here and was taken further by somebody else is left to that one. Raises
        DatabaseUnavailable, LogUnavailable.
        """
        following, before = self._following, self._positions
        if not following.failures and len(following.partitions) == self._log.partitions:
            self._positions = {}
            return []
        positions = {one: at.position for one, at in (await self._store.checkpoints()).items()}
        stopped = {one: failure.offset for one, failure in following.failures.items()}
        following.leave([one for one, at in stopped.items() if positions.get(one, 0) > at])
        await self._resume(frozenset(o for o, at in stopped.items() if positions.get(o, 0) != at))
        followed = following.partitions
        self._positions = {
            one: positions.get(one, 0) for one in range(self._log.partitions) if one not in followed
        }
        still = [one for one, at in self._positions.items() if before.get(one) == at]
        return [one for one in still if await self._log.end(one) > self._positions[one]]

    async def _resume(self, elsewhere: frozenset[int]) -> None:
        """Begin stopped partitions again whose views are elsewhere at two looks: others took their
        place (rebuilt ones, or those of before), or another process got on."""
        for partition in elsewhere & self._elsewhere:
            await self._following.resume(partition)
        self._elsewhere = elsewhere
