"""The fold: what the counting records of one partition add up to, in plain dictionaries.

It shares nothing with the code that decides. After-values in the records are claims, which are
compared with the sums and never used.
"""

from collections.abc import Generator, Iterator

from ops.check_history.accounts import (
    Account,
    Document,
    account_of,
    asked_accounts,
    named,
)
from ops.check_history.amounts import micro, shown
from ops.check_history.stock import Known, Stock
from ops.check_history.supply import SUPPLY, count_line, count_received
from ops.check_history.values import value_change, value_moved
from ops.findings import Finding

REFUSED = "stock.refused.v1"
ITEM_DEFINED = "item.defined.v1"
# Facts about the ledger itself; what they say moves nothing.
SILENT = frozenset({"ledger.opened.v1", "stock.writer_claimed.v1", "ledger.level_raised.v1"})


class PartitionFold:
    """One partition, from its first record on."""

    def __init__(self, partition: int, scale_default: int = 0) -> None:
        """Nothing counted yet; `scale_default` is that of SKUs that no item describes."""
        self.partition = partition
        self.stock: dict[str, Stock] = {}
        self.ids: dict[str, Known] = {}
        # Offset of a movement to that of its reversal, and to how much of it came back.
        self.undone: dict[int, int] = {}
        self.back: dict[int, int] = {}
        self._links: dict[int, int] = {}
        self._scale_default = scale_default
        self.movements = self.refusals = 0

    def of(self, sku: str) -> Stock:
        """The stock of a SKU, empty if it never appeared; not remembered."""
        found = self.stock.get(sku)
        return Stock(self._scale_default) if found is None else found

    def count(self, offset: int, event: Document) -> Iterator[Finding]:
        """Count one record. Raises KeyError, TypeError and ValueError if it is no such record."""
        kind = event["type"]
        if kind in SILENT:
            return
        sku, identity, data = event["subject"], event["id"], event["data"]
        known = self.ids.get(identity)
        if known is not None:
            where = self.place(offset)
            yield Finding("counted_twice", where, f"{identity} counts at {known.offset} already")
        stock = self.stock.get(sku)
        if stock is None:
            stock = self.stock[sku] = Stock(self._scale_default)
        if kind == REFUSED:
            self.refusals += 1
            entry = Known(offset, "refused", sku, code=data["code"])
        elif kind == ITEM_DEFINED:
            stock.item, stock.scale = data["item"], data["item"].get("scale", 0)
            entry = Known(offset, "item", sku)
        elif kind in SUPPLY:
            yield from count_line(self.place(offset), offset, stock, event)
            entry = Known(offset, "supply", sku)
        else:
            self.movements += 1
            entry = yield from self._move(offset, sku, stock, data)
        self.ids.setdefault(identity, entry)

    def place(self, offset: int) -> str:
        """A position for people."""
        return f"{self.partition}:{offset}"

    def _move(
        self, offset: int, sku: str, stock: Stock, data: Document
    ) -> Generator[Finding, None, Known]:
        where = self.place(offset)
        command, (taken, put) = data["command"], data["entries"]
        source, target = account_of(taken), account_of(put)
        quantity = micro(data["quantity"])
        if (micro(taken["quantity"]), micro(put["quantity"])) != (-quantity, quantity):
            yield Finding("unbalanced", where, "the entries are not the quantity, out and in")
        yield from self._check_asked(where, command, (source, target), quantity)
        expected = command.get("expected_on_hand")
        if expected is not None:
            have = stock.expected(source, target)
            if have != micro(expected):
                text = f"{expected} was expected where {shown(have)} is"
                yield Finding("condition_broken", where, text)
        yield from self._check_link(offset, sku, data, quantity)
        value = yield from self._cost(where, stock, data, quantity)
        for account, entry in ((source, taken), (target, put)):
            yield from self._post(where, stock, account, entry)
        stock.scale, stock.moved = data["scale"], True
        original = self.ids.get(command.get("reverses", ""))
        yield from count_received(where, stock, data, quantity, original)
        reversal = command["type"] == "reversal"
        known = Known(offset, "movement", sku, source, target, quantity, value, reversal)
        known.supply_order = command.get("supply_order") or ""
        return known

    def _cost(
        self, where: str, stock: Stock, data: Document, quantity: int
    ) -> Generator[Finding, None, int]:
        command, (taken, put) = data["command"], data["entries"]
        accounts = account_of(taken), account_of(put)
        original = self.ids.get(command.get("reverses") or command.get("original_id") or "")
        value = value_moved(stock, command, accounts, quantity, original)
        if micro(data["value"]) != value:
            yield Finding("wrong_value", where, f"says {data['value']}, and {shown(value)} moves")
        stock.value += value_change(accounts, value)
        return value

    def _check_asked(
        self, where: str, command: Document, accounts: tuple[Account, Account], quantity: int
    ) -> Iterator[Finding]:
        if command["type"] == "reversal":
            original = self.ids.get(command["reverses"])
            if original is None or original.kind != "movement":
                yield Finding("wrong_accounts", where, "reverses what is not there")
                return
            asked: tuple[Account, Account] = (original.target, original.source)
            amount = original.quantity
        else:
            asked, amount = asked_accounts(command), abs(micro(command["quantity"]))
        if accounts != asked or quantity != amount:
            text = f"{shown(amount)} from {named(asked[0])} to {named(asked[1])} was asked for"
            yield Finding("wrong_accounts", where, text)

    def _check_link(
        self, offset: int, sku: str, data: Document, quantity: int
    ) -> Iterator[Finding]:
        """What went out comes back once: by its reversal, or piece by piece by linked returns."""
        where, command = self.place(offset), data["command"]
        original = self.ids.get(command.get("reverses") or command.get("original_id") or "")
        if original is None:
            if "original_id" in command:
                yield Finding("undone_twice", where, "brings back what is not there")
            return
        first = original.offset
        if first in self.undone or original.sku != sku:
            yield Finding("undone_twice", where, f"{first} is undone already, or of another SKU")
        if command["type"] == "reversal":
            if first in self.back:
                yield Finding("undone_twice", where, f"some of {first} came back already")
            self.undone[first] = offset
            if first in self._links:
                self._come_back(self._links[first], -quantity)
            return
        self._links[offset] = first
        self._come_back(first, quantity)
        if self.back.get(first, 0) > original.quantity or original.target != "@customer":
            yield Finding("undone_twice", where, f"more came back of {first} than went out")

    def _come_back(self, offset: int, quantity: int) -> None:
        total = self.back.get(offset, 0) + quantity
        if total:
            self.back[offset] = total
        else:
            self.back.pop(offset, None)

    def _post(
        self, where: str, stock: Stock, account: Account, entry: Document
    ) -> Iterator[Finding]:
        after = stock.holds(account) + micro(entry["quantity"])
        if after:
            stock.accounts[account] = after
        else:
            stock.accounts.pop(account, None)
        if isinstance(account, str):
            return
        stock.total += micro(entry["quantity"])
        if after < 0:
            yield Finding("negative", where, f"{named(account)} holds {shown(after)}")
        free = after if account[2] == "available" else 0
        if (micro(entry["on_hand"]), micro(entry["available"])) != (after, free):
            text = f"says {entry['on_hand']} for {named(account)}, which holds {shown(after)}"
            yield Finding("wrong_balance", where, text)
