"""Asking a running server for one document."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ops.console import CommandError, ExitCode

if TYPE_CHECKING:
    import httpx

TIMEOUT_SECONDS = 60.0
DETAIL_LENGTH_MAX = 300
# A proxy of the environment does not know what is on this machine.
LOCAL = ("all://127.0.0.1", "all://localhost", "all://[::1]")
_AGAIN_FROM = HTTPStatus.INTERNAL_SERVER_ERROR
_MISSING = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT})


def read_key(path: Path | None) -> str | None:
    """The API key in a file, if one is named. Raises CommandError."""
    if path is None:
        return None
    try:
        key = path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from None
    if not key.isascii() or not key.isprintable() or not key:
        raise CommandError(f"{path} holds no API key")
    return key


def get_document(
    url: str, path: str, query: Mapping[str, str], key: str | None = None
) -> dict[str, Any]:
    """What the server at `url` answers. Raises CommandError, by the kind of what went wrong.

    Exit codes: 1 there is no such thing; 2 the question or the key is wrong; 3 it does not answer.
    """
    import httpx

    check_url(url)
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    try:
        with httpx.Client(
            base_url=url, headers=headers, timeout=TIMEOUT_SECONDS, mounts=dict.fromkeys(LOCAL)
        ) as client:
            answer = client.get(path, params=dict(query))
    except httpx.TransportError as error:
        detail = f"{url} does not answer: {type(error).__name__}"
        raise CommandError(detail, ExitCode.UNAVAILABLE) from None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise CommandError(f"{url} cannot be asked: {error}") from None
    document = document_of(answer, url)
    if answer.status_code == HTTPStatus.OK:
        return document
    raise _refused(url, answer.status_code, document)


def _refused(url: str, status: int, problem: dict[str, Any]) -> CommandError:
    detail = str(problem.get("detail") or problem.get("title") or status)[:DETAIL_LENGTH_MAX]
    if status in _MISSING:
        return CommandError(detail, ExitCode.FOUND_WRONG)
    code = ExitCode.UNAVAILABLE if status >= _AGAIN_FROM else ExitCode.USAGE
    return CommandError(f"{url} answers {status}: {detail}", code)


def check_url(url: str) -> None:
    """Raise CommandError for what is no address of a server."""
    if not _leads_to_server(url):
        raise CommandError(f"{url} is no address; expected http://host:port")
    # Any other path may be that of a proxy.
    before, version, rest = url.rstrip("/").rpartition("/v1")
    if version and not rest:
        raise CommandError(f"{url}: the /v1 is added to an address; give {before}")


def _leads_to_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    # A question mark or a sign of a place in a document would swallow the paths that are added.
    plain = url.isprintable() and not set(url) & set(" ?#")
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname) and port != 0


def document_of(answer: "httpx.Response", url: str) -> dict[str, Any]:
    """The document that the server at `url` answered. Raises CommandError if it is none."""
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise CommandError(f"{url} is no stockledger", ExitCode.UNAVAILABLE)
    return document
