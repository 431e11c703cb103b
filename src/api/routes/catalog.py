"""All operations of the API, in the order of its description."""

from typing import Final

from api.operations import Operation
from api.routes import bulk, health, items, movements, stock

OPERATIONS: Final[tuple[Operation, ...]] = (
    *movements.OPERATIONS,
    *bulk.OPERATIONS,
    *stock.OPERATIONS,
    *items.OPERATIONS,
    *health.OPERATIONS,
)
