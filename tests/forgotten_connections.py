"""Connections that aiokafka forgets, told apart from those that we would forget.

One whose making is cancelled is left to the collector. If that comes after the event loop has ended
it says "unclosed transport", as it would of ours, and in a test that has nothing to do with it.
"""

import asyncio
from contextlib import suppress
from typing import Any

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
