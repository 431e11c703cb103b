"""Finding what an id was used for: in the window, else through the filter and the id index."""

from collections.abc import Sequence

from ledger.domain.facts import Command, Fact, Moved, Resolved
from ledger.writer.batch import needs_original, original_name
from ledger.writer.follower import Follower
from ledger.writer.replies import Replies


class Lookup:
    """Answers questions about ids of one partition from what its writer has read."""

    def __init__(self, follower: Follower, replies: Replies) -> None:
        """`replies` reads from the log and asks the index."""
        self._follower = follower
        self._replies = replies

    async def find(self, identity: str) -> Fact | None:
        """The fact that used an id. Raises LogUnavailable."""
        offset = self._follower.state.ids.get(identity)
        if offset is None and not self._follower.window.young:
            offset = (await self._used([identity])).get(identity)
        return None if offset is None else await self._replies.fact_at(offset)

    async def resolve(self, command: Command) -> Resolved:
        """The command together with the movement that it names. Raises LogUnavailable."""
        original = await self.find(original_name(command))
        return Resolved(command, original if type(original) is Moved else None)  # type: ignore[arg-type]

    async def originals(self, commands: Sequence[Command], before: int) -> dict[str, Fact]:
        """The facts that commands of a slice name and that lie in front of offset `before`.

        All are read together, so that a slice full of reversals costs hardly more than one.
        Raises LogUnavailable.
        """
        names = {original_name(command) for command in commands if needs_original(command)}
        if not names:
            return {}
        window, ids = self._follower.window, self._follower.state.ids
        offsets = {name: ids[name] for name in names if name in ids}
        if not window.young:
            offsets |= await self._used([name for name in names if name not in offsets])
        wanted = {name: offset for name, offset in offsets.items() if offset < before}
        facts = await self._replies.facts_at(set(wanted.values()))
        return {name: facts[offset] for name, offset in wanted.items()}

    async def old(self, commands: Sequence[Command]) -> dict[str, int] | None:
        """Which ids were used that are not in the state's `ids`, and where.

        None if all are new or there. Raises LogUnavailable.
        """
        if self._follower.window.young:
            return None
        return await self._used([command.id or "" for command in commands]) or None

    async def _used(self, names: Sequence[str]) -> dict[str, int]:
        """Where ids were used that are not in the state's `ids`."""
        window, ids = self._follower.window, self._follower.state.ids
        found = window.older(names)
        suspects = [
            name for name in window.old.perhaps(names) if name not in ids and name not in found
        ]
        if suspects:
            found |= await self._replies.find_old(suspects, window.start_offset())
        return found
