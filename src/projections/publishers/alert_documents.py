"""The documents of alerts, CloudEvents 1.0 in structured mode."""

from typing import Any

import msgspec

STOCK_OUT = "stock.stock_out.v1"
BACK_IN_STOCK = "stock.back_in_stock.v1"
BELOW_REORDER_POINT = "stock.below_reorder_point.v1"
ABOVE_REORDER_POINT = "stock.above_reorder_point.v1"


class StockOutData(msgspec.Struct, gc=False):
    """`data` of `stock.stock_out.v1`: with this movement nothing was left at the site that may be
    promised. It holds until `stock.back_in_stock.v1`."""

    sku: str
    site: str
    available: str
    scale: int
    movement: str
    position: str


class BackInStockData(msgspec.Struct, gc=False):
    """`data` of `stock.back_in_stock.v1`: with this movement something may be promised again.

    `ends` is the id of the stock-out that it ends.
    """

    sku: str
    site: str
    available: str
    scale: int
    movement: str
    position: str
    ends: str


class BelowReorderPointData(msgspec.Struct, gc=False):
    """`data` of `stock.below_reorder_point.v1`: it is time to order. It holds until
    `stock.above_reorder_point.v1`.

    `reorder_point` is that of the newest planning run, `run`; `available` what was there at
    `position` of the SKU's partition. A site that is the empty text means all sites together.
    """

    sku: str
    site: str
    available: str
    reorder_point: str
    scale: int
    run: str
    position: str


class AboveReorderPointData(msgspec.Struct, gc=False):
    """`data` of `stock.above_reorder_point.v1`: what `ends` said does not hold any more, because
    of the stock, or because of a planning run."""

    sku: str
    site: str
    ends: str


DATA_TYPES: dict[str, Any] = {
    STOCK_OUT: StockOutData,
    BACK_IN_STOCK: BackInStockData,
    BELOW_REORDER_POINT: BelowReorderPointData,
    ABOVE_REORDER_POINT: AboveReorderPointData,
}
