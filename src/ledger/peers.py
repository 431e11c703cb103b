"""The port through which instances speak to each other: one request, one answer, both bytes."""

from typing import Final, Protocol

from ledger.errors import LedgerError

# Of requests and answers.
MEDIA_TYPE: Final = "application/msgpack"
# An answer with this header, whatever its status, says that nothing was done for the request.
NOTHING_DONE_HEADER: Final = "stockledger-nothing-done"


class PeerUnreachable(LedgerError):
    """The request surely did not get to the other instance, or surely was not carried out."""


class PeerSilent(LedgerError):
    """The request to another instance may have been carried out; there is no answer."""


class Peers(Protocol):
    """Connections to other instances, kept open."""

    async def ask(self, url: str, path: str, body: bytes, seconds: float) -> bytes:
        """POST `body` to `url` + `path` and return the answer's body.

        Raises PeerUnreachable, PeerSilent; both say why, without secrets.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
