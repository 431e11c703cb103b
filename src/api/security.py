"""Who asks, and whether he may: API keys, and what holds where there are none."""

import hmac
import ipaddress
import time
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import structlog

from api.keys import TOKEN_PREFIX, ApiKey, KeysFileDamaged, hash_secret, load
from api.limits import KEYS_CHECK_SECONDS
from api.problems import Problem
from ledger.config import Settings
from ledger.errors import LedgerError

LOCAL_ACTOR: Final = "local"
# So many digits of a hash tell the secrets of an actor apart and give none away.
CREDENTIAL_LENGTH: Final = 8
OPEN_PATHS: Final = frozenset({"/livez", "/readyz"})
_READING: Final = frozenset({"GET", "HEAD"})
_CHALLENGE: Final = ((b"www-authenticate", b'Bearer realm="stockledger"'),)
_TOKEN_LENGTH_MAX: Final = 200
# No name of the DNS is longer; what is longer is not remembered.
_HOST_LENGTH_MAX: Final = 260
# Compared with where the id is unknown, so that both ways take the same time.
_NO_HASH: Final = hash_secret("")

_log = structlog.get_logger("api.security")


class KeysRequired(LedgerError):
    """Listening beyond loopback needs API keys; make one with `stockledger keys create NAME`."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class KeyRing:
    """The keys of the file, read anew when it changes."""

    def __init__(self, path: Path) -> None:
        """Read the file. Raises KeysFileDamaged."""
        self._path = path
        self._checked_at = 0.0
        self._version = _version(path)
        self._keys = load(path)
        # Once there were keys, an emptied or lost file must not open the server to everybody.
        self._required = bool(self._keys)

    @property
    def required(self) -> bool:
        """Whether a request needs a key."""
        self._refresh()
        return self._required

    def find(self, token: str) -> ApiKey | None:
        """The key behind a token, or None."""
        self._refresh()
        parts = token.split("_", 2) if len(token) <= _TOKEN_LENGTH_MAX else []
        if len(parts) != len(("prefix", "id", "secret")) or parts[0] != TOKEN_PREFIX:
            return None
        key = self._keys.get(parts[1])
        expected = _NO_HASH if key is None else key.hash
        good = hmac.compare_digest(hash_secret(parts[2]), expected)
        return key if good else None

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._checked_at < KEYS_CHECK_SECONDS:
            return
        self._checked_at = now
        version = _version(self._path)
        if version == self._version:
            return
        try:
            self._keys = load(self._path)
        except KeysFileDamaged as error:
            # The keys known so far stay good: a slip of an editor must not stop a warehouse.
            _log.error("api_keys_unreadable", reason=str(error))
            return
        self._version = version
        self._required = self._required or bool(self._keys)


class Credentials(Protocol):
    """The headers that say who asks."""

    authorization: bytes | None
    api_key: bytes | None
    host: bytes | None
    origin: bytes | None


class Admitted(NamedTuple):
    """Who asks: the actor, and which of his secrets he used; None on a server without keys."""

    actor: str
    credential: str | None


_LOCAL: Final = Admitted(LOCAL_ACTOR, None)


class Gate:
    """Lets a request in and says who asks, or raises the problem."""

    def __init__(self, settings: Settings) -> None:
        """Raises KeysRequired where others could reach the server and there is no key."""
        self.ring = KeyRing(settings.api_keys_path)
        if not self.ring.required and not is_loopback(settings.host):
            raise KeysRequired(
                f"{settings.host} can be reached from other machines, so API keys are needed: "
                "make one with `stockledger keys create NAME` (kept in "
                f"{settings.api_keys_path}), or listen on 127.0.0.1"
            )
        self._public_host = urlsplit(settings.public_url).hostname

    def admit(self, method: str, head: Credentials) -> "Admitted":
        """Who asks."""
        if not self.ring.required:
            self._check_browser(method, head)
            return _LOCAL
        key = self.ring.find(_token(head.authorization, head.api_key))
        if key is None:
            raise Problem(
                "unauthorized",
                "send a valid key as `Authorization: Bearer …` or `X-API-Key: …`",
                headers=_CHALLENGE,
            )
        needed = "read" if method in _READING else "write"
        if needed not in key.roles:
            raise Problem("forbidden", f"the key {key.id} may not {needed}")
        return Admitted(key.id, key.hash[:CREDENTIAL_LENGTH])

    def _check_browser(self, method: str, head: Credentials) -> None:
        """Without keys no web page may use this server behind its reader's back.

        It could by a name of its own that it points at the reader's machine (DNS rebinding); such
        a name has a dot, ours are short or known. And it could by sending without being asked,
        but then the browser names the page's origin.
        """
        name = _hostname_of(head.host or b"")
        if "." in name and name != self._public_host and not _is_address(name):
            detail = "without API keys this server answers to its own names only"
            raise Problem("forbidden", detail)
        if head.origin is not None and method not in _READING and _hostname(head.origin) != name:
            raise Problem("forbidden", "without API keys no page of another origin may write")


def _token(authorization: bytes | None, api_key: bytes | None) -> str:
    if authorization is not None:
        scheme, _, token = authorization.decode("latin-1").partition(" ")
        if scheme.lower() == "bearer":
            return token.strip()
    return "" if api_key is None else api_key.decode("latin-1").strip()


def _hostname_of(host: bytes) -> str:
    """The name in a Host header. Remembered, since nearly all requests name the same few."""
    return _usual_hostname(host) if len(host) <= _HOST_LENGTH_MAX else _hostname(b"//" + host)


@lru_cache(maxsize=256)
def _usual_hostname(host: bytes) -> str:
    return _hostname(b"//" + host)


def _hostname(url: bytes) -> str:
    try:
        return urlsplit(url.decode("latin-1")).hostname or ""
    except ValueError:
        return "malformed.invalid"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.endswith(".localhost")
    return True


def _version(path: Path) -> tuple[int, int, int]:
    """What changes whenever the file does."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0, 0)
    return (status.st_mtime_ns, status.st_ino, status.st_size)
