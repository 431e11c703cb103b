"""The trail of a request: what is recorded of it beside the actor."""

import re
from typing import Final

from starlette.requests import Request

from api.bodies import header
from ledger.events.trails import Trail, encode_trail

# Where the scope of a request says by whom it was let in, and which operation answers it.
CREDENTIAL: Final = "stockledger.credential"
REQUEST_ID: Final = "stockledger.request_id"
OPERATION: Final = "stockledger.operation"
# Our own commands name themselves in `User-Agent`, before the slash and the version.
OWN_CLIENTS: Final = {b"stockledger-load": "load", b"stockledger-reconcile": "reconcile"}

# W3C Trace Context, section 3.2.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE: Final = b"0" * 32


def trace_id(traceparent: bytes | None) -> bytes | None:
    """The trace that a `traceparent` names; anything malformed is as good as none."""
    match = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    return None if match is None or match[1] == _NO_TRACE else match[1]


def trail(request: Request) -> bytes:
    """The secret, the way in with the process that took it, and the id of the request; as JSON."""
    scope = request.scope
    agent = (header(request, b"user-agent") or b"").partition(b"/")[0]
    way = OWN_CLIENTS.get(agent) or scope[OPERATION]
    instance = scope["state"]["services"].instance
    return encode_trail(Trail(f"{way}@{instance}", scope[REQUEST_ID].decode(), scope[CREDENTIAL]))
