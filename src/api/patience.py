"""How long a connection waits for what only its caller can do."""

import asyncio
import fcntl
import sys
import termios
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


def unsent(transport: asyncio.BaseTransport) -> int:
    """Bytes that the system holds for a caller who has not read them, where it tells (Linux)."""
    connection = transport.get_extra_info("socket")
    if sys.platform != "linux" or connection is None:
        return 0
    try:
        count = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    return int.from_bytes(count, sys.byteorder)
