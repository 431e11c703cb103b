"""Finding what an id was used for: in the window, else through the filter and the id index."""

from collections.abc import Callable, Collection, Sequence

from ledger.domain.facts import Command, Fact
from ledger.errors import LogUnavailable
from ledger.writer.batch import BATCH_RECORDS_MAX, naming, original_name
from ledger.writer.follower import Follower
from ledger.writer.replies import Replies

# About so many commands behind those that are decided the index is asked with them.
AHEAD_COMMANDS_MAX = 250
# The commands that are decided next, at most so many.
Ahead = Callable[[int], list[Command]]


class Lookup:
    """Answers questions about ids of one partition from what its writer has read."""

    def __init__(self, follower: Follower, replies: Replies) -> None:
        """`replies` reads from the log and asks the index."""
        self._follower = follower
        self._replies = replies
        # What the index has said of ids since the batch was begun, None where it has none; and why
        # it could not be asked.
        self._told: dict[str, int | None] = {}
        self._silent: str | None = None
        # What window and filter have said since then, which do not change before the next one:
        # about which commands that are not decided yet, in the order in which they seem to come;
        # which ids are in the window, and of which the index may know. Where others come, those
        # are looked at anew.
        self._looked: list[Command] = []
        self._in_window: dict[str, int] = {}
        self._perhaps: set[str] = set()

    async def find(self, identity: str) -> Fact | None:
        """The fact that used an id. Raises LogUnavailable."""
        offset = self._follower.state.ids.get(identity)
        if offset is None and not self._follower.window.young:
            offset = (await self._used([identity])).get(identity)
        return None if offset is None else await self._replies.fact_at(offset)

    async def before(
        self, commands: list[Command], offset: int, ahead: Ahead
    ) -> tuple[dict[str, int] | None, dict[str, Fact]]:
        """What must be known of a slice before it is decided for `offset` and what follows it.

        Which of its ids were used that are not in the state's `ids`, and where: None if all are
        new or there. And the facts that its commands name and that lie in front of `offset`. All
        are read together, so that a slice full of reversals costs hardly more than one.
        Raises LogUnavailable.
        """
        names = {*map(original_name, naming(commands))}
        follower = self._follower
        used: dict[str, int] = {}
        if not follower.window.young:
            used = await self._used_by(commands, names, ahead)
        if not names:
            return used or None, {}
        offsets = used | {
            name: follower.state.ids[name] for name in names & follower.state.ids.keys()
        }
        wanted = {name: offsets[name] for name in names if offsets.get(name, offset) < offset}
        facts = await self._replies.facts_at(set(wanted.values()))
        return used or None, {name: facts[place] for name, place in wanted.items()}

    def begin(self) -> None:
        """A batch is begun: what the index says from now on holds until the next one is."""
        if self._told or self._silent is not None:
            self._told = {}
            self._silent = None
        if self._looked or self._in_window or self._perhaps:
            self._looked = []
            self._in_window = {}
            self._perhaps = set()

    async def _used_by(
        self, commands: list[Command], names: Collection[str], ahead: Ahead
    ) -> dict[str, int]:
        """Where ids of a slice, and those that its commands name, were used that are not in the
        state's `ids`."""
        if not self._has_looked_at(commands):
            # At all that may get into the batch: most of what it costs does not depend on how many
            # there are.
            self._look([*commands, *ahead(BATCH_RECORDS_MAX)])
        del self._looked[: len(commands)]
        if not (self._in_window or self._perhaps):
            return {}
        found, suspects = self._said_of([*_ids(commands), *names])
        fresh = [name for name in suspects if name not in self._told]
        if fresh:
            await self._ask(fresh, ahead)
        for name in suspects:
            place = self._told[name]
            if place is not None:
                found[name] = place
        return found

    async def _ask(self, names: Sequence[str], ahead: Ahead) -> None:
        """Ask the index about ids, and about those of what is `ahead`: one question for many
        callers, where each would wait for the answers to those in front of it."""
        if self._silent is not None:
            raise LogUnavailable(self._silent)
        more = ahead(AHEAD_COMMANDS_MAX)
        if not self._has_looked_at(more):
            self._look(ahead(BATCH_RECORDS_MAX))
        asked = [*dict.fromkeys([*names, *self._said_of(_names(more))[1]])]
        try:
            answer = await self._replies.find_old(asked, self._follower.window.start_offset())
        except LogUnavailable as error:
            self._silent = str(error)
            raise
        self._told.update((name, answer.get(name)) for name in asked)

    def _has_looked_at(self, commands: list[Command]) -> bool:
        """Whether these come next of those that were looked at. Those in front of them do not come
        now: they were answered, or put back, or nobody waits for them."""
        # Nearly always the very same objects, which is seen without looking into them.
        if self._looked[: len(commands)] == commands:
            return True
        first = commands[0]
        skipped = (place for place, one in enumerate(self._looked) if one is first)
        del self._looked[: next(skipped, 0)]
        return self._looked[: len(commands)] == commands

    def _look(self, commands: Sequence[Command]) -> None:
        """Ask window and filter about commands that seem to come next."""
        window = self._follower.window
        suspects = window.old.perhaps(_names(commands))
        self._looked = [*commands]
        if suspects:
            self._in_window |= window.older(suspects)
            if window.left:
                self._perhaps.update(suspects)

    def _said_of(self, names: Sequence[str]) -> tuple[dict[str, int], list[str]]:
        """As `_known`, of ids that window and filter were asked about since the batch was begun."""
        ids, known, perhaps = self._follower.state.ids, self._in_window, self._perhaps
        found = {name: known[name] for name in names if name in known} if known else {}
        if not perhaps:
            return found, []
        return found, [
            name for name in names if name in perhaps and name not in ids and name not in found
        ]

    async def _used(self, names: Sequence[str]) -> dict[str, int]:
        """Where ids were used that are not in the state's `ids`."""
        found, suspects = self._known(names)
        if suspects:
            found |= await self._replies.find_old(suspects, self._follower.window.start_offset())
        return found

    def _known(self, names: Sequence[str]) -> tuple[dict[str, int], list[str]]:
        """Of ids that are not in the state's `ids`: those in the window, and those for which the
        index must be asked."""
        window, ids = self._follower.window, self._follower.state.ids
        suspects = window.old.perhaps(names)
        found = window.older(suspects)
        if not window.left:
            return found, []
        return found, [name for name in suspects if name not in ids and name not in found]


def _ids(commands: Sequence[Command]) -> list[str]:
    return [command.id or "" for command in commands]


def _names(commands: Sequence[Command]) -> list[str]:
    """The ids of commands, and those of the earlier movements that they name."""
    return [*_ids(commands), *map(original_name, naming(commands))]
