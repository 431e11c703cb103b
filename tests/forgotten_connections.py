"""Connections that libraries forget, told apart from those that we would forget.

One whose making is cancelled is left to the collector. With aiokafka, if that comes after the event
loop has ended, it says "unclosed transport", as it would of ours, and in a test that has nothing to
do with it. With aiosqlite it says "unclosed database", from Python 3.13 on.
"""

import asyncio
import sqlite3
from contextlib import suppress
from typing import Any

import aiosqlite
from aiokafka.conn import AIOKafkaProtocol


def let_go() -> None:
    """From now on the sockets of such connections are closed without a word."""
    made = AIOKafkaProtocol.connection_made

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        made(self, transport)
        for one in (transport, getattr(transport, "_ssl_protocol", None)):
            if one is not None:
                _silence(getattr(one, "_transport", one))

    AIOKafkaProtocol.connection_made = connection_made
    connect = aiosqlite.connect

    def connect_quietly(*arguments: Any, **named: Any) -> aiosqlite.Connection:
        # It is made in a thread, and found by the collector in another one.
        named |= {"factory": _Quiet, "check_same_thread": False}
        return connect(*arguments, **named)

    aiosqlite.connect = connect_quietly


class _Quiet(sqlite3.Connection):
    """Closes itself without a word. Where we forget one, aiosqlite's own object says so."""

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # one that could not be opened
            self.close()


def _silence(transport: Any) -> None:
    """Give it a class that is the same, but says nothing when it is deleted."""
    kind = type(transport)
    if kind not in _quiet:
        _quiet[kind] = type(kind.__name__, (kind,), {"__del__": _close})
    with suppress(TypeError):  # one of another event loop, which says nothing
        transport.__class__ = _quiet[kind]


def _close(self: Any) -> None:
    sock = getattr(self, "_sock", None)
    if sock is not None:
        sock.close()


_quiet: dict[type, type] = {}
