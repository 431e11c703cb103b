"""How long a connection waits for what only its caller can do."""

import asyncio
import fcntl
import sys
import termios
from collections.abc import Callable
from typing import Final

from api.limits import HEAD_SECONDS_MAX, UNREAD_SECONDS_MAX

_NOTHING: Final = object()


class Patience:
    """Is told now and then what is waited for, and says when that has been long enough.

    Bodies have a time of their own, where they are read.
    """

    __slots__ = ("_awaited", "_since")

    def __init__(self) -> None:
        """Nothing is waited for."""
        self._awaited: object = _NOTHING
        self._since = 0.0

    def at_work(self) -> None:
        """It is the caller who waits."""
        self._awaited = _NOTHING

    def ended_unread(self, count: int, now: float) -> bool:
        """`count` bytes of answers wait to be read; True if the same did for too long."""
        return self._waited(("unread", count), now) >= UNREAD_SECONDS_MAX

    def ended_idle(self, how: tuple[object, bool], now: float) -> bool:
        """A request is to come behind that one, and its head has begun or not; True if it took too
        long."""
        return self._waited(how, now) >= HEAD_SECONDS_MAX

    def _waited(self, awaited: object, now: float) -> float:
        if awaited != self._awaited:
            self._awaited, self._since = awaited, now
        return now - self._since


class Timers:
    """What a connection does later, one thing of each name."""

    __slots__ = ("_loop", "_running")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing yet."""
        self._loop = loop
        self._running: dict[str, asyncio.TimerHandle] = {}

    def later(self, what: str, seconds: float, call: Callable[[], None]) -> None:
        """Call that, in place of what was to be called for the same."""
        if (timer := self._running.get(what)) is not None:
            timer.cancel()
        self._running[what] = self._loop.call_later(seconds, call)

    def cancel(self) -> None:
        """Nothing is called any more."""
        for timer in self._running.values():
            timer.cancel()


def unsent(transport: asyncio.BaseTransport) -> int:
    """Bytes that the system holds for a caller who has not read them, where it tells."""
    connection = transport.get_extra_info("socket")
    if connection is None:
        return 0
    try:
        count = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(count, sys.byteorder)
