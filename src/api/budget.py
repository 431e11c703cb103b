"""A bound on the bytes that requests hold which are not answered yet, all of a process together."""

from typing import Any, Final

from starlette.requests import Request

from api.problems import unavailable

# Where a request's scope says how many bytes it holds.
_HELD: Final = "stockledger.bytes_held"


class ByteBudget:
    """Counts the bytes of bodies from their arrival to the answer, in the queues and out of them.

    Queues are bounded by the number of commands too; but that many large ones need much more.
    """

    __slots__ = ("held", "limit")

    def __init__(self, limit: int) -> None:
        """At most `limit` bytes are held."""
        self.limit = limit
        self.held = 0

    def take(self, request: Request, count: int) -> None:
        """Let a request hold so many bytes more. Raises a Problem, 503, if there is no room."""
        if self.held + count > self.limit:
            raise unavailable("too many bytes wait to be written; try again")
        self.held += count
        scope = request.scope
        scope[_HELD] = scope.get(_HELD, 0) + count


def give_back(scope: Any) -> None:
    """A request is answered: it holds nothing any more."""
    held = scope.pop(_HELD, 0)
    if held:
        scope["state"]["services"].budget.held -= held
