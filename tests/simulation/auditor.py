"""A second, much simpler model of the ledger, written from the rules and not from their code.

It reads the log as any stranger could: JSON, headers, SHA-256. Balances are decimals, values are
fractions rounded to a millionth; nothing is shared with `ledger.domain`.
"""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from ledger.log import Record
from tests.simulation.supply_audit import Supply

Document = dict[str, Any]
Key = tuple[str, str | None, str]
_INTO = {"receipt": "@supplier", "adjustment": "@adjustment"}
_OUT_OF = {"issue": "@customer", "supplier_return": "@supplier", "scrap": "@scrap"}


@dataclass
class Stock:
    """One SKU."""

    levels: Counter[Key] = field(default_factory=Counter)
    value: Fraction = Fraction(0)
    standard: Fraction | None = None
    scale: int = 0
    moved: bool = False
    supply: Supply = field(default_factory=Supply)

    @property
    def total(self) -> Fraction:
        """All that is there."""
        return Fraction(sum(self.levels.values(), Decimal(0)))


class Audit:
    """Reads one partition from its start. `problems` says what is wrong, each in a sentence."""

    def __init__(self, partition: int, records: list[Record]) -> None:
        """Read everything."""
        self.partition = partition
        self.problems: list[str] = []
        self.stock: dict[str, Stock] = {}
        self.by_id: dict[str, tuple[int, Document]] = {}
        self.by_offset: dict[int, Document] = {}
        # Offset of a movement to that of its reversal.
        self.reversed: dict[int, int] = {}
        # Offset of what went to a customer to what came back of it, and by which linked return.
        self._back: dict[int, Decimal] = {}
        self._links: dict[int, int] = {}
        self._recorded = ""
        head = "0" * 64
        for place, record in enumerate(records):
            if record.stated != place:
                continue
            document = json.loads(record.value)
            if document["prevhash"] != head:
                self._say(place, "does not continue the chain")
            text = f"{partition}:{place}:{len(record.key)}:".encode()
            head = hashlib.sha256(text + record.key + record.value).hexdigest()
            if record.key.decode() != document["subject"]:
                self._say(place, "its key is not its subject")
            self._read(place, document)

    def _say(self, place: int, *problems: str) -> None:
        for what in problems:
            self.problems.append(f"partition {self.partition}, offset {place}: {what}")

    def _read(self, place: int, document: Document) -> None:
        self.by_offset[place] = document
        if document["time"][:19] < self._recorded[:19]:
            self._say(place, "was recorded before its predecessor")
        self._recorded = document["time"]
        name = document["type"].split(".")[1]
        if (place == 0) != (document["type"] == "ledger.opened.v1"):
            self._say(place, "ledger.opened lies elsewhere than at the start")
        if name in ("opened", "writer_claimed", "level_raised"):
            return
        if document["id"] in self.by_id:
            self._say(place, f"{document['id']} counts twice")
        sku = self.stock.setdefault(document["subject"], Stock())
        if name == "refused":
            self._check_refusal(place, document, sku)
        elif name == "defined":
            item = document["data"]["item"]
            sku.scale = item.get("scale", 0)
            cost = item.get("unit_cost")
            sku.standard = None if cost is None else Fraction(cost)
        elif name.startswith("supply_order_"):
            sku.scale = document["data"]["scale"]
            self._say(place, *sku.supply.read(place, document))
        else:
            self._move(place, document, sku)
            original = self.by_id.get(document["data"]["command"].get("reverses"))
            self._say(place, *sku.supply.receive(document, original and original[1]))
        self.by_id[document["id"]] = (place, document)

    # ---- movements -------------------------------------------------------------------------

    def _move(self, place: int, document: Document, sku: Stock) -> None:  # noqa: C901
        data = document["data"]
        source, target = self._accounts(place, data)
        if [_account(entry) for entry in data["entries"]] != [source, target]:
            self._say(place, "goes between other accounts than asked for")
        quantity = Decimal(data["quantity"])
        amounts = [Decimal(entry["quantity"]) for entry in data["entries"]]
        if amounts != [-quantity, quantity] or quantity <= 0:
            self._say(place, "its entries do not sum to zero")
        self._link(place, document, quantity)
        expected = data["command"].get("expected_on_hand")
        if expected is not None:
            key = target if isinstance(source, str) else source
            if not isinstance(key, str) and sku.levels[key] != Decimal(expected):
                self._say(place, "was accepted against its condition")
        value = self._value(data, sku, source, target, Fraction(quantity))
        if value != Fraction(data["value"]):
            self._say(place, f"moves the value {data['value']}, not {value}")
        inside = not isinstance(source, str), not isinstance(target, str)
        if inside == (True, False):
            sku.value -= value
        if inside == (False, True):
            sku.value += value
        sku.moved = True
        for account, amount, entry in zip((source, target), amounts, data["entries"], strict=True):
            if not isinstance(account, str):
                self._post(place, sku, account, amount, entry)
        if sku.value < 0 or (sku.total == 0 and sku.value != 0):
            self._say(place, f"leaves the value {sku.value} for {sku.total}")

    def _post(self, place: int, sku: Stock, key: Key, amount: Decimal, entry: Document) -> None:
        sku.levels[key] += amount  # type: ignore[assignment]
        after = sku.levels[key]
        if after < 0:
            self._say(place, f"{key} is negative: {after}")
        if Decimal(entry["on_hand"]) != after:
            self._say(place, f"says {entry['on_hand']} where {after} is")
        free = after if key[2] == "available" else 0
        if Decimal(entry["available"]) != free:
            self._say(place, f"says {entry['available']} available where {free} is")

    def _accounts(  # noqa: PLR0911 - one type a line
        self, place: int, data: Document
    ) -> tuple[str | Key, str | Key]:
        command = data["command"]
        kind = command["type"]
        if kind == "reversal":
            return self._reverse(place, data)
        lot, status = command.get("lot"), command.get("status") or "available"
        where = command.get("location") or command.get("from_location")
        here: Key = (where, lot, status)
        if kind == "transfer":
            return here, (command["to_location"], lot, status)
        if kind == "pick":
            there = command.get("to_location")
            return here, "@customer" if there is None else (there, lot, status)
        if kind == "status_change":
            return (where, lot, command["from_status"]), (where, lot, command["to_status"])
        if kind == "customer_return":
            disposition = command.get("disposition")
            status = {"quarantine": "quarantined", "refurbish": "on_hold"}.get(disposition, status)
            return "@customer", "@scrap" if disposition == "scrap" else (where, lot, status)
        if kind == "adjustment" and Decimal(command["quantity"]) < 0:
            return here, "@adjustment"
        return (here, _OUT_OF[kind]) if kind in _OUT_OF else (_INTO[kind], here)

    def _link(self, place: int, document: Document, quantity: Decimal) -> None:
        """What goes out with one movement comes back once: by linked returns or the reversal."""
        data = document["data"]
        command, undone = data["command"], data.get("reverses_offset")
        at = self._links.get(undone) if undone is not None else None
        if undone is not None and self._back.get(undone):
            self._say(place, "reverses what came back already")
        if "original_id" in command:
            at, original = self.by_id.get(command["original_id"], (-1, {}))
            gone = original.get("data", {})
            if (
                original.get("subject") != document["subject"]
                or gone.get("command", {}).get("type") not in ("issue", "pick")
                or _account(gone["entries"][1]) != "@customer"
            ):
                self._say(place, "brings back what never went out")
            elif at in self.reversed:
                self._say(place, "brings back what was reversed")
            elif self._back.get(at, Decimal(0)) + quantity > Decimal(gone["quantity"]):
                self._say(place, "brings back more than went out")
            self._links[place] = at
        if data.get("original_offset") != at:
            self._say(place, f"is linked to {data.get('original_offset')}, not to {at}")
        if at is not None:
            more = quantity if undone is None else -quantity
            self._back[at] = self._back.get(at, Decimal(0)) + more

    def _reverse(self, place: int, data: Document) -> tuple[str | Key, str | Key]:
        found = self.by_id.get(data["command"]["reverses"])
        if found is None:
            self._say(place, "reverses what is not there")
            return "@nothing", "@nothing"
        at, original = found
        if data["reverses_offset"] != at or at in self.reversed:
            self._say(place, "reverses another movement, or a second time")
        self.reversed[at] = place
        source, target = (_account(entry) for entry in original["data"]["entries"])
        return target, source

    def _value(  # noqa: PLR0911 - one rule a line
        self, data: Document, sku: Stock, source: str | Key, target: str | Key, quantity: Fraction
    ) -> Fraction:
        original = self._value_before(data["command"], quantity)
        share = _millionth(sku.value * quantity / sku.total) if sku.total else Fraction(0)
        if not isinstance(source, str):
            if quantity >= sku.total:
                return sku.value
            if original is not None and isinstance(target, str):
                return min(original, sku.value)
            return share
        cost = data["command"].get("unit_cost")
        if cost is not None:
            return _millionth(Fraction(cost) * quantity)
        if original is not None:
            return original
        if data["command"]["type"] != "receipt" and sku.total > 0:
            return share
        return _millionth((sku.standard or 0) * quantity)

    def _value_before(self, command: Document, quantity: Fraction) -> Fraction | None:
        """What the goods were worth in the movement that a reversal or a return names."""
        name = command.get("reverses") or command.get("original_id")
        if name is None:
            return None
        data = self.by_id[name][1]["data"]
        return _millionth(Fraction(data["value"]) * quantity / Fraction(data["quantity"]))

    # ---- refusals --------------------------------------------------------------------------

    def _check_refusal(  # noqa: C901, PLR0912 - one reason a case
        self, place: int, document: Document, sku: Stock
    ) -> None:
        data = document["data"]
        numbers = data.get("numbers", {})
        match data["code"]:
            case "insufficient_stock":
                have, wanted = Decimal(numbers["available"]), Decimal(numbers["requested"])
                where = data.get("location")
                held = [amount for key, amount in sku.levels.items() if key[0] == where]
                if have >= wanted or Decimal(numbers["shortfall"]) != wanted - have:
                    self._say(place, "refuses what there is enough of")
                if where is not None and have not in [*held, 0]:
                    self._say(place, f"says {have} available, which is nowhere")
            case "version_conflict":
                if Decimal(numbers["expected"]) == Decimal(numbers["on_hand"]):
                    self._say(place, "refuses although the condition holds")
            case "invalid_quantity":
                amount = Decimal(data["quantity"])
                if "left" in numbers:
                    self._check_left(place, document, amount)
                elif amount == round(amount, sku.scale) and amount.scaleb(sku.scale) <= 10**18:
                    self._say(place, "refuses a quantity of the right scale")
            case "item_in_use":
                if not (sku.moved or sku.supply.open_lines):
                    self._say(place, "refuses to describe an item that never moved")
            case "unknown_movement" | "not_reversible" | "already_reversed":
                pass
            case "supply_order_not_open":
                self._say(place, *sku.supply.refused(data["detail"]))
            case other:
                self._say(place, f"refuses for a reason the model does not know: {other}")

    def _check_left(self, place: int, document: Document, amount: Decimal) -> None:
        """A linked return that was too much: of some movement of the SKU so much is left."""
        numbers = document["data"]["numbers"]
        went, back, left = (Decimal(numbers[name]) for name in ("original", "returned", "left"))
        if document["data"]["type"] != "customer_return" or amount <= left or left != went - back:
            self._say(place, "refuses what may come back")
        gone = [
            at
            for at, other in self.by_offset.items()
            if other["subject"] == document["subject"]
            and other["type"] in ("stock.issue.v1", "stock.pick.v1")
            and at not in self.reversed
            and Decimal(other["data"]["quantity"]) == went
            and self._back.get(at, Decimal(0)) == back
        ]
        if not gone:
            self._say(place, f"says {back} of {went} came back, which is of nothing")


def _account(entry: Document) -> str | Key:
    if "account" in entry:
        return str(entry["account"])
    return entry["location"], entry.get("lot"), entry["status"]


def _millionth(value: Fraction) -> Fraction:
    """Rounded to a millionth, ties to even, which is how Python rounds a fraction."""
    return Fraction(round(value * 1_000_000), 1_000_000)
