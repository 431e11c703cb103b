"""Lines of supply orders: what was ordered, what came of it, and what is still on order."""

from collections.abc import Iterator
from typing import Final

from ops.check_history.accounts import Document
from ops.check_history.amounts import micro, shown
from ops.check_history.stock import Known, Line, Stock
from ops.findings import Finding

PLACED: Final = "stock.supply_order_placed.v1"
CHANGED: Final = "stock.supply_order_changed.v1"
CLOSED: Final = "stock.supply_order_closed.v1"
SUPPLY: Final = frozenset({PLACED, CHANGED, CLOSED})


def count_line(where: str, offset: int, stock: Stock, event: Document) -> Iterator[Finding]:
    """Count a record about a line, and compare what it says. Raises as `PartitionFold.count`."""
    kind, data = event["type"], event["data"]
    command = data["command"]
    asked = command.get("quantity")
    if kind == PLACED:
        line = stock.lines[event["id"]] = Line(offset, micro(asked))
        stock.scale = data["scale"]
    else:
        found = stock.lines.get(command["supply_order"])
        if found is None or not found.open:
            yield _wrong(where, f"{command['supply_order']} is not open")
            return
        line = found
        if asked is not None:
            line.ordered = micro(asked)
        line.open = kind != CLOSED
    yield from _compare(where, line, stock, data)


def count_received(
    where: str, stock: Stock, data: Document, quantity: int, original: Known | None
) -> Iterator[Finding]:
    """Count a receipt that names a line, or the reversal of one, and compare what it says."""
    command, said = data["command"], data.get("supply")
    name = command.get("supply_order")
    if command["type"] == "reversal" and original is not None:
        name, quantity = original.supply_order or None, -quantity
    if name is None:
        if said is not None:
            yield _wrong(where, f"it names no line, and says {said}")
        return
    line = stock.lines.get(name)
    if line is None or (quantity > 0 and not line.open):
        yield _wrong(where, f"{name} is not open")
        return
    line.received += quantity
    if said is None or (said["id"], said["open"]) != (name, line.open):
        yield _wrong(where, f"{name} is {'open' if line.open else 'closed'}; it says {said}")
        return
    yield from _compare(where, line, stock, said)


def _compare(where: str, line: Line, stock: Stock, said: Document) -> Iterator[Finding]:
    """Each figure that the record states; of a closed line a reversal states none but the sum."""
    true = {
        "quantity": line.ordered,
        "ordered": line.ordered,
        "received": line.received,
        "over": max(0, line.received - line.ordered),
        "under": max(0, line.ordered - line.received),
        "on_order": stock.on_order,
    }
    for name, amount in true.items():
        if said.get(name) is not None and micro(said[name]) != amount:
            yield _wrong(where, f"it says {name} {said[name]}, and it is {shown(amount)}")
    if said.get("order_offset", line.offset) != line.offset:
        yield _wrong(where, f"it names the line at {said['order_offset']}, not {line.offset}")


def _wrong(where: str, text: str) -> Finding:
    return Finding("wrong_supply", where, text)
