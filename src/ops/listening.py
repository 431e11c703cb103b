"""The address to listen on: taken before anything else, or why it cannot be."""

import errno
import socket
from typing import Final

from ops.console import CommandError

BACKLOG: Final = 2_048
# Not every system has all of them.
_NO_NAME: Final = frozenset(
    getattr(socket, name, None) for name in ("EAI_NONAME", "EAI_ADDRFAMILY", "EAI_NODATA")
)


def refuse_unknown_host(host: str) -> None:
    """Raise CommandError where nobody can listen on this machine, whatever the port and the keys.

    The port that is taken for it is not listened on.
    """
    try:
        with _socket(host) as probe:
            _bind(probe, host, 0)
    except OSError as error:
        raise CommandError(f"cannot listen on {host}: {_why(host, error)}") from None


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts, so that a second server fails at once."""
    listener = _socket(host)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, host, port)
        # Without listening on it, a second process could bind the same port too.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CommandError(f"cannot listen on {host} port {port}: {_why(host, error)}") from None
    listener.setblocking(False)
    return listener


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)


def _bind(listener: socket.socket, host: str, port: int) -> None:
    listener.bind((host.strip("[]"), port))


def _why(host: str, error: OSError) -> str:
    """In words of whoever set the host."""
    if isinstance(error, socket.gaierror) and error.errno in _NO_NAME:
        if ":" in host and "/" not in host:
            return "it is no IPv6 address"
        return "it is no address, and no name that leads to an IPv4 one"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return error.strerror or str(error)
