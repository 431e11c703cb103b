"""What settings must look like. Each function returns the value, or raises ValueError."""

import re
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import SecretStr

_TOPIC_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}", re.ASCII)
# Addresses to listen on that lead nowhere: compared, not bound.
ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104
SECRET_LENGTH_MIN: Final = 16

# No space and no control character, because it is sent in a header.
_SECRET = re.compile(r"[!-~]+", re.ASCII)
_URL_SCHEMES = {
    "postgresql+asyncpg": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "sqlite": "sqlite+aiosqlite",
}
# User and password as SQLAlchemy tells them from what follows.
_LOGIN = re.compile(r"[^:/]*(?::[^@]*)?@", re.ASCII)
_PARAMETER = re.compile(r"[a-z_]{1,40}", re.ASCII)
# What a URL of PostgreSQL may hold behind `?`: of TLS (libpq), of the driver, of SQLAlchemy.
POSTGRES_PARAMETERS: Final = frozenset({
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version", "ssl", "host", "port", "user",
    "password", "passfile", "service", "servicefile", "database", "command_timeout",
    "target_session_attrs", "krbsrvname", "gsslib", "statement_cache_size",
    "max_cached_statement_lifetime", "max_cacheable_statement_size", "dsn",
    "prepared_statement_cache_size",
})  # fmt: skip
_TLS_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


def brokers(value: str) -> str:
    """Addresses of brokers."""
    for server in value.split(","):
        host, _, port = server.strip().rpartition(":")
        if not host or not (port.isascii() and port.isdigit()):
            raise ValueError("expected host:port, several separated by commas")
    return value


def database_url(value: SecretStr) -> SecretStr:
    """The address of the views with the driver that is used."""
    scheme, separator, rest = value.get_secret_value().partition("://")
    if not separator or scheme not in _URL_SCHEMES:
        raise ValueError("expected postgresql://user:password@host/database or sqlite:///file")
    if scheme.startswith("postgres"):
        login = _LOGIN.match(rest)
        _, _, query = rest[login.end() if login else 0 :].partition("?")
        _check_parameters(parse_qsl(query, keep_blank_values=True))
    return SecretStr(f"{_URL_SCHEMES[scheme]}://{rest}")


def _check_parameters(parameters: list[tuple[str, str]]) -> None:
    """A parameter that nobody understands would end the first connection as a defect does."""
    unknown = sorted({name for name, _ in parameters} - POSTGRES_PARAMETERS)
    if unknown:
        # What is no name may be a piece of a password.
        names = [name for name in unknown if _PARAMETER.fullmatch(name)] or ["of this name"]
        raise ValueError(f"a connection has no parameter {', '.join(names)}")
    modes = [value for name, value in parameters if name in ("ssl", "sslmode")]
    if any(mode not in _TLS_MODES for mode in modes):
        raise ValueError(f"expected sslmode to be one of {', '.join(_TLS_MODES)}")
    if len(modes) > 1:
        raise ValueError("ssl and sslmode are the same: give one of them, once")


def instance_url(value: str) -> str:
    """Where an instance is reached by others, without a slash at its end."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("expected http://host:port or https://host:port")
    if parts.query or parts.fragment:
        raise ValueError("expected nothing behind the path")
    if not value.isprintable() or " " in value or not _has_good_port(parts):
        raise ValueError("expected http://host:port, the port from 1 to 65535 and no space")
    if parts.hostname in ANYWHERE:
        raise ValueError("expected an address that leads from the others to this instance")
    return value.rstrip("/")


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def strong_secret(value: SecretStr) -> SecretStr:
    """A secret that fits into a header and is not guessed."""
    secret = value.get_secret_value()
    if len(secret) < SECRET_LENGTH_MIN or _SECRET.fullmatch(secret) is None:
        raise ValueError(
            f"expected {SECRET_LENGTH_MIN} or more letters, digits and signs of ASCII, no space"
        )
    return value


def topic_prefix(value: str) -> str:
    """What topics' names may begin with. Raises ValueError."""
    if _TOPIC_PREFIX.fullmatch(value) is None:
        raise ValueError("expected letters, digits, points, - and _, at most 200")
    return value
