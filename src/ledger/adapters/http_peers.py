"""Other instances over HTTP/1.1: connections kept open, one POST for one answer."""

import asyncio
import ssl
from http import HTTPStatus
from typing import Final

import httpx

from ledger.peers import MEDIA_TYPE, NOTHING_DONE_HEADER, PeerSilent, PeerUnreachable

CONNECT_SECONDS: Final = 2.0
CONNECTIONS_MAX: Final = 256
# Shorter than a server keeps an idle connection, so that none is used while it is being closed.
IDLE_SECONDS: Final = 15.0

# Answers of a server that does not look into the body. A 503 is not among them: what a proxy says
# so may have been carried out behind it.
_NOT_CARRIED_OUT: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.METHOD_NOT_ALLOWED,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.MISDIRECTED_REQUEST,
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    }
)
# What happens before the first byte of a request is sent.
_NOT_SENT: Final = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


class HttpPeers:
    """Connections to other instances. No proxy of the environment is used, no redirect followed:
    a request goes where the address says, and the secret nowhere else."""

    def __init__(
        self, secret: str | None, *, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        """`secret` is what the instances of a ledger have in common; None sends none."""
        headers = {"content-type": MEDIA_TYPE, "accept": MEDIA_TYPE}
        if secret is not None:
            headers["authorization"] = f"Bearer {secret}"
        self._client = httpx.AsyncClient(
            headers=headers,
            # What the system trusts, so that an operator's own authority can be added there.
            verify=ssl.create_default_context(),
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(
                max_connections=CONNECTIONS_MAX,
                max_keepalive_connections=CONNECTIONS_MAX,
                keepalive_expiry=IDLE_SECONDS,
            ),
            transport=transport,
        )

    async def ask(self, url: str, path: str, body: bytes, seconds: float) -> bytes:
        """POST `body` to `url` + `path` and return the answer's body.

        Raises PeerUnreachable, PeerSilent; both say why, without secrets.
        """
        connect = min(CONNECT_SECONDS, seconds)
        timeout = httpx.Timeout(None, connect=connect, pool=connect)
        try:
            async with asyncio.timeout(seconds):
                answer = await self._client.post(url + path, content=body, timeout=timeout)
        except _NOT_SENT as error:
            raise PeerUnreachable(f"{url} cannot be reached: {_why(error)}") from None
        except UnicodeError as error:
            # A host that cannot be one, found before anybody was asked where it is.
            raise PeerUnreachable(f"{url} is no address: {_why(error)}") from None
        except (httpx.HTTPError, OSError, TimeoutError) as error:
            raise PeerSilent(f"{url} did not answer: {_why(error)}") from None
        if answer.status_code == HTTPStatus.OK:
            return answer.content
        said = f"{url} answered {answer.status_code}"
        if _nothing_done(answer):
            raise PeerUnreachable(said)
        raise PeerSilent(said)

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()


def _nothing_done(answer: httpx.Response) -> bool:
    return (
        NOTHING_DONE_HEADER in answer.headers
        or answer.is_redirect
        or answer.status_code in _NOT_CARRIED_OUT
    )


def _why(error: BaseException) -> str:
    """The kind of error and, unless it might quote what was sent, its text."""
    text = "" if isinstance(error, httpx.ProtocolError) else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
