"""The trail of a request: what is recorded of it beside the actor."""

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


def trail(request: Request) -> bytes:
    """The secret, the way in with the process that took it, and the id of the request; as JSON."""
    scope = request.scope
    agent = (header(request, b"user-agent") or b"").partition(b"/")[0]
    way = OWN_CLIENTS.get(agent) or scope[OPERATION]
    instance = scope["state"]["services"].instance
    return encode_trail(Trail(f"{way}@{instance}", scope[REQUEST_ID].decode(), scope[CREDENTIAL]))
