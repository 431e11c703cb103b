"""Lines of supply orders: what was ordered, what came of it, and what is still on order."""

from collections.abc import Iterator

from ledger.domain.facts import Moved
from ledger.domain.movements import Receipt, Reversal
from ledger.domain.quantities import Number, text
from ledger.domain.supply import (
    OrderReceived,
    SupplyFact,
    SupplyOrderClosed,
    SupplyOrderPlaced,
)
from ops.verify.stock import Line, Stock


def count_line(stock: Stock, fact: SupplyFact) -> Iterator[str]:
    """Count a record about a line; a sentence for each figure of it that is wrong."""
    if isinstance(fact, SupplyOrderPlaced):
        line: Line | None = Line(fact.offset, fact.quantity, fact.placed_us, fact.expected_us)
        stock.lines = {} if stock.lines is None else stock.lines
        stock.lines[fact.id] = line  # type: ignore[assignment]
        received = 0
    else:
        line, received = (stock.lines or {}).get(fact.command.supply_order), fact.received
    if line is None or not line.open:
        yield "the supply order is not open"
        return
    yield from _change(line, fact)
    said = {"quantity": fact.quantity, "received": received, "on_order": fact.on_order}
    true = {"quantity": line.ordered, "received": line.received, "on_order": stock.on_order}
    yield from _differing(said, true, fact.scale)


def _change(line: Line, fact: SupplyFact) -> Iterator[str]:
    """What a record does to an open line."""
    asked: Number | None = None
    if isinstance(fact, SupplyOrderClosed):
        line.open = False
    else:
        asked = fact.command.quantity
        line.ordered = line.ordered if asked is None else fact.quantity
        line.expected_us = fact.expected_us
    if asked is not None and asked != text(fact.quantity, fact.scale):
        yield f"{asked} was asked for, and it says {text(fact.quantity, fact.scale)}"
    if not isinstance(fact, SupplyOrderPlaced) and fact.order_offset != line.offset:
        yield f"it names the line at {fact.order_offset}, not {line.offset}"


def count_received(stock: Stock, fact: Moved, named: str | None) -> Iterator[str]:
    """Count a receipt that names a line, or the reversal of one; a sentence for what is wrong.

    `named` is the line that the movement belongs to by its command.
    """
    noted = fact.supply
    if named is None:
        if noted is not None:
            yield f"it names no line, and says something of {noted.id}"
        return
    line = (stock.lines or {}).get(named)
    reversal = type(fact.command) is Reversal
    if line is None or not (line.open or reversal):
        yield f"{named} is not open"
        return
    line.received += -fact.quantity if reversal else fact.quantity
    if noted is None or (noted.id, noted.order_offset, noted.open) != (
        named,
        line.offset,
        line.open,
    ):
        yield f"it does not say that {named}, placed at {line.offset}, is {_state(line)}"
        return
    yield from _differing(_said(noted), _true(noted, line, stock), fact.scale)


def line_of(fact: Moved) -> str | None:
    """The line that a receipt names."""
    command = fact.command
    return command.supply_order if type(command) is Receipt else None


def _said(noted: OrderReceived) -> dict[str, int]:
    return {
        "ordered": noted.ordered,
        "received": noted.received,
        "on_order": noted.on_order,
    }


def _true(noted: OrderReceived, line: Line, stock: Stock) -> dict[str, int]:
    # A reversal that comes after the close says nothing of the line but that it is closed.
    ordered, received = (line.ordered, line.received) if noted.open else (0, 0)
    return {"ordered": ordered, "received": received, "on_order": stock.on_order}


def _state(line: Line) -> str:
    return "open" if line.open else "closed"


def _differing(said: dict[str, int], true: dict[str, int], scale: int) -> Iterator[str]:
    for name, amount in true.items():
        if said[name] != amount:
            yield f"it says {name} {text(said[name], scale)}, and it is {text(amount, scale)}"
