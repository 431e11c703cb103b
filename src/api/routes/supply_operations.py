"""The operations on supply orders, as documented."""

from typing import Final

from api import parameters as p
from api.operations import Content, Operation, Parameter, Reply
from api.routes import supply_orders as routes
from api.schemas import examples
from api.schemas.supply import (
    ChangeRequest,
    CloseRequest,
    SupplyAnswer,
    SupplyOrder,
    SupplyOrderPage,
    SupplyOrderRequest,
)
from ledger.domain import codes

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": codes.TEXT_LENGTH_MAX}
_LIST: Final = (
    p.SKU,
    Parameter("supplier", "The code of this supplier.", _TEXT, "ACME"),
    p.LOCATION,
    Parameter("order", "The number of the order that groups lines.", _TEXT, "PO-7"),
    Parameter("state", "This state.", {"type": "string", "enum": list(routes.STATES)}, "open"),
    Parameter("id", "The id of one line; the answer is that line, not a list.", {
        "type": "string", "minLength": 1, "maxLength": codes.ID_LENGTH_MAX}, "po-7/1"),
    p.LIMIT, p.CURSOR, p.MIN_POSITION,
)  # fmt: skip
_ANSWER: Final = Content(SupplyAnswer, examples={"placed": examples.SUPPLY_ANSWER})
_REPLIES: Final = {
    201: Reply("Recorded.", _ANSWER, ("Ledger-Position",)),
    200: Reply(
        "The first answer to this id again; or what a dry run found.",
        _ANSWER,
        ("Ledger-Position", "Idempotency-Replayed"),
    ),
}
_REFUSALS: Final = (
    "too_large", "unsupported_media_type", "invalid_request", "idempotency_key_reused",
    "level_too_low", "quantity_overflow", "unavailable", "request_timeout",
)  # fmt: skip
_OF_LINE: Final = (*_REFUSALS, "unknown_supply_order", "supply_order_not_open")
_OF_LINE_TEXT: Final = (
    "The request's own id, if it needs one, is in the body. The SKU is found by the line's id, or "
    "given."
)
_CHANGE: Final = (Content(ChangeRequest, examples={"later": examples.SUPPLY_CHANGE}),)
_CLOSE: Final = (Content(CloseRequest, examples={"done": examples.SUPPLY_CLOSE}),)

OPERATIONS: Final = (
    Operation(
        "POST",
        "/v1/supply-orders",
        routes.post_supply_order,
        "placeSupplyOrder",
        "supply orders",
        "Order from a supplier",
        _REPLIES,
        description="One line, of one SKU; its `id` is the idempotency key, as for movements. "
        "Receipts that name it in `supply_order` are counted against it until it is closed.",
        parameters=(p.DRY_RUN,),
        body=(Content(SupplyOrderRequest, examples={"line": examples.SUPPLY_ORDER_REQUEST}),),
        problems=(*_REFUSALS, "unknown_item", "too_many_supply_orders"),
    ),
    Operation(
        "GET",
        "/v1/supply-orders",
        routes.get_supply_orders,
        "listSupplyOrders",
        "supply orders",
        "List supply orders, newest first",
        {
            200: Reply(
                "A page of lines; with `id` that line.",
                Content(
                    {"anyOf": [SupplyOrderPage, SupplyOrder]},
                    examples={"page": {"items": [examples.SUPPLY_ORDER], "next_cursor": None}},
                ),
            )
        },
        parameters=_LIST,
        problems=("invalid_request", "unknown_supply_order", "view_lagging"),
    ),
    Operation(
        "POST",
        "/v1/supply-orders/change",
        routes.change_by_query,
        "changeSupplyOrderByQuery",
        "supply orders",
        "Change a line whose id does not fit into a path",
        _REPLIES,
        description=_OF_LINE_TEXT,
        parameters=(p.LINE_ID_REQUIRED, p.LINE_SKU_AMBIGUOUS, p.DRY_RUN),
        body=_CHANGE,
        problems=_OF_LINE,
    ),
    Operation(
        "POST",
        "/v1/supply-orders/close",
        routes.close_by_query,
        "closeSupplyOrderByQuery",
        "supply orders",
        "Close a line whose id does not fit into a path",
        _REPLIES,
        description=_OF_LINE_TEXT,
        parameters=(p.LINE_ID_REQUIRED, p.LINE_SKU_AMBIGUOUS, p.DRY_RUN),
        body=_CLOSE,
        problems=_OF_LINE,
    ),
    Operation(
        "GET",
        "/v1/supply-orders/{id}",
        routes.get_supply_order,
        "getSupplyOrder",
        "supply orders",
        "Find a line",
        {200: Reply("The line.", Content(SupplyOrder, examples={"line": examples.SUPPLY_ORDER}))},
        parameters=(p.LINE_ID_OF_PATH, p.LINE_SKU_AMBIGUOUS, p.MIN_POSITION),
        problems=("invalid_id", "unknown_supply_order", "view_lagging"),
    ),
    Operation(
        "POST",
        "/v1/supply-orders/{id}/change",
        routes.change_by_path,
        "changeSupplyOrder",
        "supply orders",
        "Change quantity or date of a line",
        _REPLIES,
        description=_OF_LINE_TEXT,
        parameters=(p.LINE_ID_OF_PATH, p.LINE_SKU_AMBIGUOUS, p.DRY_RUN),
        body=_CHANGE,
        problems=_OF_LINE,
    ),
    Operation(
        "POST",
        "/v1/supply-orders/{id}/close",
        routes.close_by_path,
        "closeSupplyOrder",
        "supply orders",
        "Close a line: nothing more is to come",
        _REPLIES,
        description=_OF_LINE_TEXT,
        parameters=(p.LINE_ID_OF_PATH, p.LINE_SKU_AMBIGUOUS, p.DRY_RUN),
        body=_CLOSE,
        problems=_OF_LINE,
    ),
)
