"""What listens on the port that the settings name, if anything does."""

import errno
from typing import Any

from ledger.config import Settings
from ledger.config.checks import ANYWHERE
from ops.health.finding import Finding, bad, good
from ops.health.machine import cannot_listen

ANSWER_SECONDS = 5.0


def check_server(settings: Settings) -> list[Finding]:
    """The port: free, taken by a server of ours that is ready or says why not, or by others."""
    if settings.port == 0:
        return [good("port", "a free one is taken")]
    refused = cannot_listen(settings)
    if refused is None:
        return [good("port", f"{settings.port} is free")]
    answer = _ready(settings)
    if answer.get("status") != "ready" and "reasons" not in answer:
        return [_not_ours(refused, f"{settings.host} port {settings.port}")]
    if "reasons" not in answer:
        return [good("port", f"a server of ours answers on {settings.port}, and is ready")]
    advice = "see docs/operations.md, What readyz says"
    return [bad("server", f"not ready: {reason}", advice) for reason in answer["reasons"]]


def _not_ours(refused: OSError, where: str) -> Finding:
    why = refused.strerror or str(refused)
    if refused.errno == errno.EADDRINUSE:
        advice = "set port to another one, or end the program that has it"
        return bad("port", f"{where}: {why}, and not by us", advice)
    advice = "set host to an address of this machine, and port to one that this user may take"
    return bad("port", f"{where}: {why}", advice)


def _ready(settings: Settings) -> dict[str, Any]:
    """What the program at the port says of itself; nothing if it is none of ours."""
    import httpx

    host = "127.0.0.1" if settings.host in ANYWHERE else settings.host
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    try:
        answer = httpx.get(
            f"http://{shown}:{settings.port}/readyz", timeout=ANSWER_SECONDS, trust_env=False
        )
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
