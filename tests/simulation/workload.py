"""Traffic: commands as callers send them, good, bad, repeated and changed; all from one seed."""

import random
from dataclasses import dataclass, field

import msgspec

from ledger.domain.facts import Command, Moved
from ledger.domain.items import DefineItem, Item
from ledger.domain.movements import WireCommand
from ledger.domain.stock import CUSTOMER
from ledger.domain.supply import (
    ChangeSupplyOrder,
    CloseSupplyOrder,
    PlaceSupplyOrder,
    SupplyCommand,
    SupplyOrderPlaced,
)
from ledger.writer.outcomes import Outcome

SKUS = ("apple", "fig", "pear", "plum", "quince")
PLACES = ("A", "B/1", "C")
_decode = msgspec.json.Decoder(WireCommand).decode
# Commands about supply orders have no type in them; what is sent begins with one of these.
_SUPPLY: dict[bytes, msgspec.json.Decoder[SupplyCommand]] = {
    b"p": msgspec.json.Decoder(PlaceSupplyOrder),
    b"c": msgspec.json.Decoder(ChangeSupplyOrder),
    b"x": msgspec.json.Decoder(CloseSupplyOrder),
}
EXPECTED_AT = ("2026-12-01T00:00:00Z", "2027-03-01T01:00:00+01:00")


@dataclass
class Attempt:
    """One command as it was sent (JSON, perhaps behind a letter, or an item), and what its caller
    heard.

    `sent_at` and `answered_at` are places in the order of all that callers see; 0 if it never was.
    """

    id: str
    sku: str
    sent: bytes | Item
    outcome: Outcome | None = None
    sent_at: int = 0
    answered_at: int = 0
    # The bulk in which it was sent; those of one bulk have the same.
    bulk: int = 0

    def command(self) -> Command:
        """The command, made anew, because deciding writes canonical forms into it."""
        if isinstance(self.sent, Item):
            return DefineItem(self.id, self.sku, self.sent)
        supply = _SUPPLY.get(self.sent[:1])
        command: Command = _decode(self.sent) if supply is None else supply.decode(self.sent[1:])
        return command


@dataclass
class Workload:
    """Makes attempts; `history` holds all of them in the order in which they were sent."""

    chance: random.Random
    history: list[Attempt] = field(default_factory=list)
    _count: int = 0
    _ticks: int = 0
    _bulks: int = 0

    def tick(self) -> int:
        """The next place in the order of what callers see."""
        self._ticks += 1
        return self._ticks

    def again(self, earlier: Attempt) -> Attempt:
        """The same once more."""
        attempt = Attempt(earlier.id, earlier.sku, earlier.sent)
        self.history.append(attempt)
        return attempt

    def next(self) -> Attempt:
        """The next attempt: mostly new, at times an old one again, at times with new content."""
        again = self._some_earlier()
        roll = self.chance.random()
        if again is not None and roll < 0.15:
            attempt = Attempt(again.id, again.sku, again.sent)
        elif again is not None and roll < 0.19:
            attempt = self._new(again.id, again.sku)
        else:
            self._count += 1
            attempt = self._new(f"m{self._count}", self.chance.choice(SKUS))
        self.history.append(attempt)
        return attempt

    def bulk(self, count: int) -> list[Attempt]:
        """Many at once; ids may repeat inside."""
        self._bulks += 1
        attempts = [self.next() for _ in range(count)]
        for attempt in attempts:
            attempt.bulk = self._bulks
        return attempts

    def _some_earlier(self) -> Attempt | None:
        if not self.history:
            return None
        # Recent ones most of the time, old ones too.
        recent = self.chance.random() < 0.6
        return self.chance.choice(self.history[-12:] if recent else self.history)

    def _some_issue(self) -> Attempt | None:
        """Goods that left, if they did; few, so that several returns name the same one."""
        gone = [
            attempt
            for attempt in self.history[-80:]
            if isinstance(attempt.outcome, Moved) and attempt.outcome.target == CUSTOMER
        ]
        return self.chance.choice(gone[-2:]) if gone else None

    def _new(self, identity: str, sku: str) -> Attempt:
        if self.chance.random() < 0.02:
            item = Item(scale=self.chance.choice((0, 0, 2)), unit_cost=self._number(3))
            return Attempt(identity, sku, item)
        if self.chance.random() < 0.12:
            return self._supply(identity, sku)
        body: dict[str, object] = {"id": identity, "sku": sku, **self._body()}
        order = self._some_order() if body["type"] == "receipt" else None
        if order is not None and self.chance.random() < 0.4:
            body["supply_order"] = order.id
            body["sku"] = sku = order.sku if self.chance.random() < 0.95 else sku
        names = {"reversal": "reverses", "customer_return": "original_id"}
        field_name = names.get(str(body["type"]))
        if field_name == "reverses" or (field_name and self.chance.random() < 0.5):
            earlier = self._some_earlier()
            if field_name == "original_id" and self.chance.random() < 0.8:
                earlier = self._some_issue() or earlier
                body["quantity"] = self._number(3)
            body[field_name] = "none" if earlier is None else earlier.id
            if earlier is not None and self.chance.random() < 0.9:
                body["sku"] = sku = earlier.sku
        return Attempt(identity, sku, msgspec.json.encode(body))

    def _some_order(self) -> Attempt | None:
        """A supply order that was placed lately, perhaps; it may be closed already."""
        placed = [one for one in self.history[-80:] if isinstance(one.outcome, SupplyOrderPlaced)]
        return self.chance.choice(placed[-4:]) if placed else None

    def _supply(self, identity: str, sku: str) -> Attempt:
        """Something about a supply order, of another SKU now and then."""
        kind, order = self.chance.choice((b"p", b"p", b"c", b"x")), self._some_order()
        if order is None:
            kind = b"p" if self.chance.random() < 0.9 else kind
        elif kind != b"p" and self.chance.random() < 0.95:
            sku = order.sku
        due = {"expected_at": self.chance.choice(EXPECTED_AT)}
        body: dict[str, object] = {"id": identity, "sku": sku}
        if kind == b"p":
            body |= {"supplier": "ACME", "location": "A", "quantity": self._number(20), **due}
        else:
            body["supply_order"] = "none" if order is None else order.id
        if kind == b"c":
            body |= due if self.chance.random() < 0.3 else {"quantity": self._number(20)}
        if kind == b"x":
            body["reason"] = self.chance.choice(("received", "cancelled", "bored"))
        return Attempt(identity, sku, kind + msgspec.json.encode(body))

    def _body(self) -> dict[str, object]:  # noqa: C901 - one type a case
        place, other = self.chance.sample(PLACES, 2)
        kind = self.chance.choices(
            ("receipt", "transfer", "pick", "issue", "customer_return", "adjustment", "scrap",
             "status_change", "reversal", "malformed"),
            (25, 12, 8, 15, 12, 8, 4, 6, 12, 3),
        )[0]  # fmt: skip
        number = self._number(9)
        match kind:
            case "reversal":
                return {"type": "reversal", "reverses": ""}
            case "malformed":
                return {"type": "issue", "location": place, "quantity": "6e1"}
            case "transfer":
                body = {"from_location": place, "to_location": other}
            case "receipt":
                body = {"location": place}
                if self.chance.random() < 0.7:
                    body["unit_cost"] = self._number(4)
            case "adjustment":
                body = {"location": place, "reason": "found"}
                number = f"-{number}" if self.chance.random() < 0.5 else number
            case "customer_return":
                kinds = ("restock", "quarantine", "refurbish", "scrap")
                body = {"location": place, "disposition": self.chance.choice(kinds)}
            case "scrap":
                body = {"location": place, "reason": "damaged"}
            case "status_change":
                body = {"location": place, "from_status": "available", "to_status": "on_hold"}
            case _:
                body = {"location": place}
        more: dict[str, object] = {"type": kind, "quantity": number, **body}
        if self.chance.random() < 0.15:
            more["lot"] = "L/1"
        if self.chance.random() < 0.08:
            more["expected_on_hand"] = self.chance.randint(0, 12)
        return more

    def _number(self, most: int) -> str:
        whole = str(self.chance.randint(1, most))
        return self.chance.choice((whole, f"0{whole}", f"{whole}.0", whole, f"{whole}.25"))
