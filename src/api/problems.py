"""Problems (RFC 9457): the only table from a refusal or a fault to an HTTP status.

A code is wire format: never renamed, never reused. `type` is a name, not an address.
"""

from http import HTTPStatus
from typing import Any, Final

from api.answers import POSITION_HEADER, PROBLEM_JSON, Answer, Header, encode
from api.faults import FAULTS
from api.limits import RETRY_AFTER_SECONDS
from ledger.domain.rejections import Rejected
from ledger.errors import LedgerError
from projections.positions import ViewLagging

TYPE_PREFIX: Final = "urn:problem-type:stockledger:"

# Code to status and title. The first part holds the ledger's refusals, the second HTTP's own.
PROBLEMS: Final[dict[str, tuple[int, str]]] = {
    "invalid_request": (422, "The request is malformed"),
    "invalid_id": (422, "The id is malformed"),
    "invalid_sku": (422, "The SKU is malformed"),
    "invalid_location": (422, "The location is malformed"),
    "invalid_lot": (422, "The lot is malformed or missing"),
    "invalid_status": (422, "There is no such stock status"),
    "invalid_quantity": (422, "The quantity is not acceptable"),
    "invalid_cost": (422, "The cost is malformed"),
    "invalid_reason": (422, "There is no such reason"),
    "invalid_time": (422, "The time is not acceptable"),
    "invalid_reference": (422, "The reference is malformed"),
    "invalid_item": (422, "The description of the item is malformed"),
    "idempotency_key_reused": (422, "The id was used with other content"),
    "unknown_item": (422, "No item describes this SKU"),
    "unknown_movement": (404, "There is no such movement"),
    "not_reversible": (409, "The movement cannot be reversed"),
    "already_reversed": (409, "The movement is reversed already"),
    "item_in_use": (409, "The item has movements"),
    "version_conflict": (409, "The stock is not what was expected"),
    "insufficient_stock": (409, "There is not enough stock"),
    "quantity_overflow": (409, "The balance would leave the exact range"),
    "supply_order_not_open": (409, "There is no such open supply order"),
    "too_many_supply_orders": (409, "The SKU has too many open supply orders"),
    "level_too_low": (409, "The log is not raised to the level of this"),
    "unknown_supply_order": (404, "There is no such supply order"),
    "foreign_ledger": (409, "Another ledger is meant"),
    "malformed_http": (400, "The request is no HTTP that can be read"),
    "unauthorized": (401, "An API key is needed"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "invalid_parameters": (422, "A planning run cannot be made with these parameters"),
    "run_in_progress": (409, "A planning run is being made"),
    "run_without_results": (409, "The planning run has no results"),
    "method_not_allowed": (405, "The method is not allowed here"),
    "request_timeout": (408, "The request took too long to arrive"),
    "too_large": (413, "The request is too large"),
    "unsupported_media_type": (415, "The content type is not supported"),
    "rate_limited": (429, "Too many requests"),
    "headers_too_large": (431, "The headers are too large"),
    "internal_error": (500, "Something went wrong inside"),
    "unavailable": (503, "Not available at the moment"),
    "view_lagging": (503, "The view has not read that far yet"),
}
_CODE_OF_STATUS: Final = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    431: "headers_too_large",
    503: "unavailable",
}


class Problem(Exception):
    """The answer is a problem. `members` are RFC 9457 extension members beside `code`."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        members: dict[str, Any] | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        """`code` is one of the table's."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.members = members or {}
        self.headers = headers

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return PROBLEMS[self.code][0]

    def answer(self) -> Answer:
        """The problem as a response."""
        status, title = PROBLEMS[self.code]
        document = {
            "type": f"{TYPE_PREFIX}{self.code}",
            "title": title,
            "status": status,
            "code": self.code,
            "detail": self.detail,
            **self.members,
        }
        headers = self.headers
        if status == HTTPStatus.SERVICE_UNAVAILABLE and not _has(headers, b"retry-after"):
            headers = (*headers, (b"retry-after", b"%d" % RETRY_AFTER_SECONDS))
        return Answer(status, encode(document), headers, PROBLEM_JSON)


def _has(headers: tuple[Header, ...], name: bytes) -> bool:
    return any(header[0] == name for header in headers)


def of_refusal(
    refusal: Rejected, *, identity: str | None, position: tuple[int, int] | None = None
) -> Problem:
    """The problem behind a refusal; `position` is where it is recorded, if it is."""
    members: dict[str, Any] = dict(refusal.numbers)
    headers: tuple[Header, ...] = ()
    if identity is not None:
        members["id"] = identity
    if position is not None:
        members["position"] = {"partition": position[0], "offset": position[1]}
        headers = ((POSITION_HEADER, b"%d:%d" % position),)
    return Problem(refusal.code, refusal.detail, members=members, headers=headers)


def unavailable(
    detail: str, *, identity: str | None = None, retry_after_seconds: int = RETRY_AFTER_SECONDS
) -> Problem:
    """Try again later, with the same id where one is named."""
    return Problem(
        "unavailable",
        detail,
        members={} if identity is None else {"id": identity},
        headers=((b"retry-after", b"%d" % retry_after_seconds),),
    )


def of_fault(error: LedgerError, *, identity: str | None = None) -> Problem:
    """A fault, in the words of its class: its own may name internals, and are in the log."""
    detail = (type(error).__doc__ or "").split("\n", 1)[0]
    if isinstance(error, ViewLagging):
        return Problem("view_lagging", detail)
    FAULTS.of_error(error)
    return unavailable(detail, identity=identity)


def of_status(status: int, detail: str | None = None) -> Problem:
    """The problem for a bare HTTP status, such as the framework raises."""
    code = _CODE_OF_STATUS.get(status)
    if code is None:
        code = "invalid_request" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "internal_error"
    return Problem(code, detail or PROBLEMS[code][1])


def internal(request_id: str) -> Problem:
    """An unexpected error: nothing of it leaves the server but the id under which it is logged."""
    return Problem(
        "internal_error",
        "the error is in the server's log under this request id",
        members={"request_id": request_id},
    )
