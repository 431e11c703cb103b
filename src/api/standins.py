"""What stands in the place of uvicorn's transport, parser or application for a while."""

from collections.abc import Callable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.answers import CLOSE, Answer
from api.edge import Head, Sender
from api.limits import DROPPED_BYTES_MAX
from api.problems import Problem


class Ending:
    """A transport for answers, of which uvicorn's knows no more: what closes it ends the connection
    in order."""

    __slots__ = ("_end", "_is_closing", "write")

    def __init__(
        self,
        write: Callable[[bytes], None],
        is_closing: Callable[[], bool],
        end: Callable[[], None],
    ) -> None:
        """`end` takes the place of `close`."""
        self.write = write
        self._is_closing = is_closing
        self._end = end

    def is_closing(self) -> bool:
        """Whether nothing more is to be answered."""
        return self._is_closing()

    def close(self) -> None:
        """The last answer is written."""
        self._end()

    def is_over(self) -> None:
        """There is no connection any more, and nothing of it is referred to."""
        self._is_closing, self._end = _always, nothing


def _always() -> bool:
    return True


def nothing() -> None:
    """What is left of a call to a connection that is gone."""


class _Unheard:
    """In the place of a list of fields."""

    def append(self, field: object) -> None:
        """It is gone."""


UNHEARD: Final = _Unheard()


class Dropping:
    """A parser that finds nothing in what comes, and takes so much of it only."""

    def __init__(self, close: Callable[[], None]) -> None:
        """`close` is called once it is too much."""
        self._close: Final = close
        self._left = DROPPED_BYTES_MAX

    def feed_data(self, data: bytes) -> None:
        """Nothing comes of it."""
        self._left -= len(data)
        if self._left < 0:
            self._close()


class Asked:
    """The application, for a request that waits to be asked for its body (`Expect`).

    Answered without that, it may send the body or not, and nobody could tell it from a request;
    unless it did not wait and the body is there.
    """

    def __init__(self, app: ASGIApp, cycle: Any) -> None:
        """`cycle` is uvicorn's, which knows whether it was asked."""
        self._app = app
        self._cycle = cycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; behind that the connection ends if nobody read the body."""

        async def sending(message: Message) -> None:
            cycle = self._cycle
            unasked = cycle.waiting_for_100_continue and cycle.more_body
            if message["type"] == "http.response.start" and unasked:
                message["headers"] = _closing(message["headers"])
            await send(message)

        await self._app(scope, receive, sending)


class Refusal:
    """An application that has nothing but a problem to tell, behind which the connection ends."""

    def __init__(self, problem: Problem) -> None:
        """`problem` is what it tells."""
        self._answer = last(problem)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Tell it."""
        await Sender(send, Head(scope).request_id).answer(self._answer)


def last(problem: Problem) -> Answer:
    """A problem as the last answer of its connection."""
    answer = problem.answer()
    answer.headers = _closing(answer.headers)
    return answer


def _closing(headers: Any) -> list[Any]:
    return [*(header for header in headers if header[0] != CLOSE[0]), CLOSE]
