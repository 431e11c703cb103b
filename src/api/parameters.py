"""The parameters that operations share, as documented."""

from typing import Final

from api.limits import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX
from api.operations import Parameter
from ledger.domain import codes
from projections.cursors import CURSOR_LENGTH_MAX

_INSTANT: Final = {"type": "string", "format": "date-time"}


def _text(length_max: int) -> dict[str, object]:
    return {"type": "string", "minLength": 1, "maxLength": length_max}


MIN_POSITION: Final = Parameter(
    "min_position",
    "Answer only once the view includes these records: a `Ledger-Position` of a write. 422 if the "
    "log does not reach that far, 503 `view_lagging` if the view does not in time.",
    {"type": "string", "pattern": "^[0-9]{1,6}:[0-9]{1,19}(, *[0-9]{1,6}:[0-9]{1,19})*$"},
    "3:17",
)
LIMIT: Final = Parameter(
    "limit",
    "How many items at most.",
    {
        "type": "integer",
        "minimum": 1,
        "maximum": LIST_LIMIT_MAX,
        "default": LIST_LIMIT_DEFAULT,
    },
)
CURSOR: Final = Parameter(
    "cursor", "The `next_cursor` of the page before, with the same filters.",
    {"type": "string", "minLength": 1, "maxLength": CURSOR_LENGTH_MAX},
)  # fmt: skip
SKU: Final = Parameter("sku", "The SKU.", _text(codes.SKU_LENGTH_MAX), "85123A")
SKU_REQUIRED: Final = Parameter(
    "sku", "The SKU.", _text(codes.SKU_LENGTH_MAX), "85123A", required=True
)
SKU_OF_PATH: Final = Parameter(
    "sku",
    "The SKU. One with `/` or other reserved characters goes into the query instead.",
    {**_text(codes.SKU_LENGTH_MAX), "pattern": "^[^/]+$"},
    "85123A",
    location="path",
    required=True,
)
SKU_AMBIGUOUS: Final = Parameter(
    "sku",
    "The movement's SKU; needed only where SKUs of two partitions used the same id.",
    _text(codes.SKU_LENGTH_MAX),
    "85123A",
)
ID: Final = Parameter(
    "id", "The id of one movement; the answer is that movement, not a list.",
    _text(codes.ID_LENGTH_MAX), "po-7/1",
)  # fmt: skip
ID_REQUIRED: Final = Parameter(
    "id", "The id of the movement.", _text(codes.ID_LENGTH_MAX), "po-7/1", required=True
)
ID_OF_PATH: Final = Parameter(
    "id",
    "The id of the movement. One with `/` or other reserved characters goes into the query.",
    {**_text(codes.ID_LENGTH_MAX), "pattern": "^[^/]+$"},
    "po-7-1",
    location="path",
    required=True,
)
LINE_ID_REQUIRED: Final = Parameter(
    "id", "The id of the line.", _text(codes.ID_LENGTH_MAX), "po-7/1", required=True
)
LINE_ID_OF_PATH: Final = Parameter(
    "id",
    "The id of the line. One with `/` or other reserved characters goes into the query.",
    {**_text(codes.ID_LENGTH_MAX), "pattern": "^[^/]+$"},
    "po-7-1",
    location="path",
    required=True,
)
LINE_SKU_AMBIGUOUS: Final = Parameter(
    "sku",
    "The line's SKU; needed only where SKUs of two partitions used the same id.",
    _text(codes.SKU_LENGTH_MAX),
    "85123A",
)
ATP_DATE: Final = Parameter(
    "atp_date",
    "Say also what can be promised by the end of this day (UTC): `atp`.",
    {"type": "string", "format": "date"},
    "2026-12-31",
)
ID_OF_COMMAND: Final = Parameter(
    "id",
    "The id of this request, its idempotency key; without it one is made.",
    _text(codes.ID_LENGTH_MAX),
    "item-85123A-1",
)
LOCATION: Final = Parameter(
    "location", "This location and everything below it.", _text(codes.LOCATION_LENGTH_MAX), "MAIN/A"
)
LOT: Final = Parameter("lot", "This lot.", _text(codes.LOT_LENGTH_MAX), "L-2026-11")
STATUS: Final = Parameter(
    "status", "This status.", {"type": "string", "enum": sorted(codes.STATUSES)}, "available"
)
DRY_RUN: Final = Parameter(
    "dry_run",
    "Only say what would happen. Nothing is written, and nothing promises that it stays so.",
    {"type": "boolean", "default": False},
)
OCCURRED_FROM: Final = Parameter("occurred_from", "Happened then or later.", _INSTANT)
OCCURRED_UNTIL: Final = Parameter("occurred_until", "Happened before then.", _INSTANT)
RECORDED_FROM: Final = Parameter("recorded_from", "Recorded then or later.", _INSTANT)
RECORDED_UNTIL: Final = Parameter("recorded_until", "Recorded before then.", _INSTANT)
AS_OF: Final = Parameter(
    "as_of",
    "Only movements that occurred by then count, whenever they were recorded.",
    _INSTANT,
    "2026-10-31T23:59:59Z",
)
AS_KNOWN_AT: Final = Parameter(
    "as_known_at",
    "Only movements that were recorded by then count. Waits until the view has them all.",
    _INSTANT,
    "2026-11-02T08:00:00Z",
)
AS_OF_POSITION: Final = Parameter(
    "as_of_position",
    "Only records up to these count, in the partitions named: a `Ledger-Position`, or the "
    "`as_of_position` of an answer as `3:17,4:2`; -1 is before the first. 422 if the log does not "
    "reach that far.",
    {"type": "string", "pattern": "^[0-9]{1,6}:(-1|[0-9]{1,19})(, *[0-9]{1,6}:(-1|[0-9]{1,19}))*$"},
    "3:17",
)
MOMENT: Final = (AS_OF, AS_KNOWN_AT, AS_OF_POSITION)
