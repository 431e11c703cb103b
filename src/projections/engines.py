"""Engines of SQLAlchemy, for URLs of PostgreSQL as its own programs write them.

The driver takes the parameters of TLS from a text in PostgreSQL's form alone (libpq, "Connection
URIs"), and SQLAlchemy hands it each parameter of a URL by name. Here those are put where they are
understood.
"""

import ssl
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from ledger.errors import LedgerError

# What the text may hold of TLS; `ledger.config.checks` knows what else a URL may.
TLS_PARAMETERS: Final = (
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcrl", "sslnegotiation",
    "ssl_min_protocol_version", "ssl_max_protocol_version",
)  # fmt: skip
# Certificates that the system trusts, instead of a file.
SYSTEM: Final = "system"
# What a server says of those whom it lets not in (PostgreSQL, appendix A, class 28).
_NOT_AUTHORISED: Final = "28"
_ROOT: Final = "sslrootcert"
_FILES: Final = (_ROOT, "sslcert", "sslkey", "sslcrl")


class DatabaseMisconfigured(LedgerError):
    """What database_url says of TLS cannot be done."""


def new_engine(url: URL, **options: Any) -> AsyncEngine:
    """An engine for the database; nothing connects before it is used.

    `options` are those of `create_async_engine`. Raises DatabaseMisconfigured if a file that the
    URL names cannot be read.
    """
    asked = {name: _text(url.query[name]) for name in TLS_PARAMETERS if name in url.query}
    if not asked:
        return create_async_engine(url, **options)
    _check_files(asked)
    arguments = dict(options.pop("connect_args", {}))
    if asked.get(_ROOT) == SYSTEM:
        del asked[_ROOT]
        # As in libpq: who trusts all that the system trusts has to check names.
        arguments["ssl"] = ssl.create_default_context()
    # The settings of a session are given in the same place.
    told = dict(parse_qsl(_text(url.query.get("dsn", "")).partition("?")[2]))
    plain = url.difference_update_query([*TLS_PARAMETERS, "dsn"])
    arguments["dsn"] = f"postgresql://?{urlencode(told | asked)}"
    return create_async_engine(plain, connect_args=arguments, **options)


def is_denied(error: BaseException) -> bool:
    """Whether a database answered and let nobody in, for what it was told or for what it is.

    Waiting does not mend that: a user or a password that is not taken, a certificate that is not
    accepted, or a server without TLS where the URL wants it.
    """
    cause: BaseException | None = error
    while cause is not None:
        if str(getattr(cause, "sqlstate", "")).startswith(_NOT_AUTHORISED):
            return True
        if isinstance(cause, ssl.SSLCertVerificationError | DatabaseMisconfigured):
            return True
        # By name and text, because the driver is not imported where views lie in a file.
        if type(cause).__name__ == "ClientConfigurationError":
            return True
        if isinstance(cause, ConnectionError) and "rejected SSL upgrade" in str(cause):
            return True
        cause = cause.__cause__
    return False


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else value[-1]


def _check_files(asked: dict[str, str]) -> None:
    """The driver would not say which of them it is."""
    for name in _FILES:
        if name not in asked or asked[name] == SYSTEM:
            continue
        try:
            with Path(asked[name]).open("rb"):
                pass
            if name == _ROOT:
                ssl.create_default_context(cafile=asked[name])
        except ssl.SSLError as error:
            text = f"database_url: {name}: {asked[name]} holds no certificate as PEM"
            raise DatabaseMisconfigured(text) from error
        except OSError as error:
            text = f"database_url: {name}: {asked[name]}: {error.strerror}"
            raise DatabaseMisconfigured(text) from error
