"""Supply orders by the simple model: what was ordered, what came, what is still to come."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Document = dict[str, Any]


@dataclass
class Line:
    """A line of a supply order."""

    offset: int
    ordered: Decimal
    received: Decimal = Decimal(0)
    open: bool = True

    @property
    def left(self) -> Decimal:
        """What is still to come."""
        return max(Decimal(0), self.ordered - self.received) if self.open else Decimal(0)


class Supply:
    """The lines of one SKU, by their ids."""

    def __init__(self) -> None:
        """None."""
        self.lines: dict[str, Line] = {}

    @property
    def on_order(self) -> Decimal:
        """What is still to come of all lines."""
        return sum((line.left for line in self.lines.values()), Decimal(0))

    @property
    def open_lines(self) -> dict[str, Line]:
        """Those that are open."""
        return {name: line for name, line in self.lines.items() if line.open}

    def scaled(self, scale: int) -> dict[str, tuple[int, int, int]]:
        """Of open lines: placed at, ordered and received, as integers of that scale."""
        unit = 10**scale
        return {
            name: (line.offset, int(line.ordered * unit), int(line.received * unit))
            for name, line in self.open_lines.items()
        }

    def read(self, place: int, document: Document) -> Iterator[str]:
        """A record about a line; what is wrong with it."""
        data = document["data"]
        command, kind = data["command"], document["type"].split(".")[1]
        asked = command.get("quantity")
        if kind == "supply_order_placed":
            line = self.lines[document["id"]] = Line(place, Decimal(asked))
        else:
            found = self.lines.get(command["supply_order"])
            if found is None or not found.open:
                yield "is about a supply order that is not open"
                return
            line = found
            line.ordered = line.ordered if asked is None else Decimal(asked)
            line.open = kind != "supply_order_closed"
        yield from self._compare(line, data)

    def receive(self, document: Document, original: Document | None) -> Iterator[str]:
        """A movement, and what it reverses if it does; what is wrong with a line it names."""
        data = document["data"]
        quantity, said, back = Decimal(data["quantity"]), data.get("supply"), original is not None
        name = (original or document)["data"]["command"].get("supply_order")
        if name is None:
            if said is not None:
                yield "speaks of a supply order that it does not name"
            return
        line = self.lines.get(name)
        if line is None or not (line.open or back):
            yield f"names the supply order {name}, which is not open"
            return
        line.received += -quantity if back else quantity
        if said is None or said["id"] != name or said["open"] != line.open:
            yield f"says {said} of the supply order {name}"
            return
        yield from self._compare(line, said)

    def refused(self, detail: str) -> Iterator[str]:
        """A refusal because the line that its words end with is not open."""
        if detail.rpartition(" ")[2] in self.open_lines:
            yield "refuses for a supply order that is open"

    def _compare(self, line: Line, said: Document) -> Iterator[str]:
        true = {
            "quantity": line.ordered,
            "ordered": line.ordered,
            "received": line.received,
            "over": max(Decimal(0), line.received - line.ordered),
            "under": max(Decimal(0), line.ordered - line.received),
            "on_order": self.on_order,
        }
        for figure, amount in true.items():
            if said.get(figure) is not None and Decimal(said[figure]) != amount:
                yield f"says {figure} {said[figure]} of a supply order, and it is {amount}"
        if said.get("order_offset", line.offset) != line.offset:
            yield f"names the supply order at {said['order_offset']}, not at {line.offset}"

    def problems_of_view(self, connection: sqlite3.Connection, sku: str) -> Iterator[str]:
        """Where the rows of the SKU are not these lines."""
        rows = {
            name: Line(offset, _exact(ordered, scale), _exact(received, scale), state == "open")
            for name, offset, ordered, received, scale, state in connection.execute(_LINES, (sku,))
        }
        if rows != self.lines:
            yield f"{sku}: the views have the supply orders {rows}, the log {self.lines}"


_LINES = "SELECT id, log_offset, quantity, received, scale, state FROM supply_orders WHERE sku = ?"


def _exact(number: int, scale: int) -> Decimal:
    return Decimal(number).scaleb(-scale)
