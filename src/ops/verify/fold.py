"""The fold: what the counting records of one partition add up to.

It shares nothing with the code that decides. Whatever a record says of balances, values and lines
is a claim, which is compared with the sums and never used.
"""

from collections.abc import Iterable

from ledger.domain import codes
from ledger.domain.facts import Fact, LevelRaised, Moved, Opened, Refused, WriterClaimed
from ledger.domain.items import ItemDefined
from ledger.domain.movements import Adjustment, CustomerReturn, Movement, Receipt, Reversal
from ledger.domain.quantities import SCALE_MAX, cost_text, text
from ledger.domain.supply import SupplyFact
from ledger.events import envelope
from ledger.events.codec import event_type
from ledger.events.partitioner import Partitioner
from ops.check_history.amounts import micro
from ops.findings import Finding, Findings
from ops.verify.accounts import ASKED, named
from ops.verify.costs import value_in, value_out
from ops.verify.links import Links
from ops.verify.past import Earlier, Past
from ops.verify.stock import Stock
from ops.verify.supply import count_line, count_received, line_of

_FINGERPRINT_CHARACTERS = frozenset("0123456789abcdef")
_FINGERPRINT_LENGTH = 32
# Movements that name an earlier one, and those that may belong to a supply order.
LINKING = frozenset({Reversal, CustomerReturn})
SUPPLYING = frozenset({Reversal, Receipt})


class Fold:
    """One partition, from its first record on. `findings` is told what is wrong."""

    def __init__(self, partition: int, partitions: int, findings: Findings) -> None:
        """Nothing counted yet."""
        self.partition = partition
        self._partitioner = Partitioner(partitions)
        self.skus: dict[str, Stock] = {}
        self.past = Past()
        self.links = Links(self.past)
        self.opened: Opened | None = None
        self.level = 1
        self.recorded_ms = 0
        self.movements = self.refusals = 0
        self._findings = findings

    def wrong(self, code: str, offset: int, what: str) -> None:
        """Note that something is wrong with the record at an offset."""
        self._findings.take((Finding(code, f"{self.partition}:{offset}", what),))

    def count(self, fact: Fact) -> None:
        """Count one record, and compare everything that it says."""
        if type(fact) is Moved:
            self.move(fact)
            return
        self._follow(fact.recorded_ms, fact.offset)
        self._count_other(fact)

    def _follow(self, recorded_ms: int, offset: int) -> None:
        if recorded_ms < self.recorded_ms:
            self.wrong("time_went_back", offset, "its predecessor was recorded later")
        else:
            self.recorded_ms = recorded_ms

    def skip(self, offset: int) -> None:
        """A record that does not count."""
        self.past.add(offset, None)

    def _count_other(self, fact: Fact) -> None:
        offset = fact.offset
        if type(fact) is Opened:
            self._open(fact)
            return
        self._check_level(envelope.TYPE_LEVELS[event_type(fact)], offset)
        if isinstance(fact, LevelRaised | WriterClaimed):
            self.past.add(offset, None)
            self.level = fact.level if isinstance(fact, LevelRaised) else self.level
            return
        assert not isinstance(fact, Moved | Opened)
        self.past.add(offset, fact.id)
        if fact.trail is not None:
            self._check_level(envelope.TRAIL_LEVEL, offset)
        if codes.check_id(fact.id) is not None:
            self.wrong("undecodable", offset, f"{fact.id!r} is no id")
        self._meet(fact.sku, offset)
        self._count_named(fact)

    def _check_level(self, needed: int, offset: int) -> None:
        """What a record holds may be later than its type is."""
        if needed > self.level:
            self.wrong("level_too_early", offset, f"the log is at level {self.level} here")

    def _count_named(self, fact: Refused | ItemDefined | SupplyFact) -> None:
        if isinstance(fact, Refused):
            self.refusals += 1
            self._refuse(fact)
        elif isinstance(fact, ItemDefined):
            self._describe(fact)
        else:
            self._supply(fact)

    def _open(self, fact: Opened) -> None:
        self.past.add(fact.offset, None)
        if self.opened is not None or fact.offset:
            self.wrong("other_ledger", fact.offset, "a partition is opened once, at offset 0")
        self.opened, self.level = fact, fact.format

    def _refuse(self, fact: Refused) -> None:
        mark = fact.fingerprint
        if len(mark) != _FINGERPRINT_LENGTH or not _FINGERPRINT_CHARACTERS.issuperset(mark):
            self.wrong("wrong_refusal", fact.offset, f"{mark!r} is no fingerprint of a command")
        if not fact.code or not fact.type:
            self.wrong("wrong_refusal", fact.offset, "it does not say what was refused, and why")

    def _describe(self, fact: ItemDefined) -> None:
        if fact.item.has_supply_terms:
            self._check_level(envelope.SUPPLY_LEVEL, fact.offset)
        stock = self._of(fact.sku, fact.item.scale)
        fixed = stock.moved or stock.has_open_lines
        if fixed and stock.scale != fact.item.scale:
            self.wrong("wrong_scale", fact.offset, f"the scale of {fact.sku} is {stock.scale}")
        stock.item = fact.item
        stock.scale = fact.item.scale

    def _supply(self, fact: SupplyFact) -> None:
        stock = self._of(fact.sku, fact.scale)
        if stock.scale != fact.scale:
            self.wrong("wrong_scale", fact.offset, f"the scale of {fact.sku} is {stock.scale}")
        self._all("wrong_supply", fact.offset, count_line(stock, fact))

    def _meet(self, sku: str, offset: int) -> None:
        """The partition of a SKU follows from its name."""
        home = self._partitioner.partition_of(sku)
        if home != self.partition:
            self.wrong("misplaced", offset, f"{sku} belongs into partition {home}")
        if codes.check_sku(sku) is not None:
            self.wrong("undecodable", offset, f"{sku!r} is no SKU")

    def _of(self, sku: str, scale: int) -> Stock:
        stock = self.skus.get(sku)
        if stock is None:
            if not 0 <= scale <= SCALE_MAX:
                raise ValueError(f"{scale} is no scale")
            stock = self.skus[sku] = Stock(scale, self.past.names[sku])
        return stock

    def _all(self, code: str, offset: int, sentences: Iterable[str]) -> None:
        for sentence in sentences:
            self.wrong(code, offset, sentence)

    def move(  # noqa: C901, PLR0912 - on the path of every movement
        self, fact: Moved
    ) -> None:
        """What `count` does for a movement."""
        self.movements += 1
        if fact.recorded_ms != self.recorded_ms:
            self._follow(fact.recorded_ms, fact.offset)
        offset, name, command = fact.offset, fact.sku, fact.command
        if fact.trail is not None and self.level < envelope.TRAIL_LEVEL:
            self._check_level(envelope.TRAIL_LEVEL, offset)
        source, target, quantity, kind = fact.source, fact.target, fact.quantity, type(command)
        stock = self.skus.get(name)
        if stock is None:
            stock = self._new(name, fact)
        if stock.scale != fact.scale:
            self.wrong("wrong_scale", offset, f"the scale of {name} is {stock.scale}")
        if command.id != fact.id or command.sku != name or codes.check_id(fact.id) is not None:
            self.wrong("undecodable", offset, "its command has another id or SKU")
        asked = ASKED.get(kind)
        original = None
        if kind in LINKING or fact.original_offset >= 0:
            original = self._linked(fact)
        if asked is None:
            self._check_reversed(fact, original)
        else:
            wanted = asked(command)
            if (
                wanted[0] != source
                or wanted[1] != target
                or source == target
                or command.quantity != (text(quantity, fact.scale) if fact.scale else str(quantity))  # type: ignore[union-attr]
                or command.expected_on_hand is not None  # type: ignore[union-attr]
                or quantity <= 0
            ):
                self._check_asked(fact, stock, wanted)
        real = source[0] != "@"
        value, basis = (value_out if real else value_in)(stock, fact, original)
        if value != fact.value or basis != fact.cost_basis:
            self._wrong_value(fact, value, basis)
        # Goods and value move, and the balances afterwards are compared.
        accounts, last = stock.accounts, stock.last
        left = accounts[source] = accounts.get(source, 0) - quantity
        held = accounts[target] = accounts.get(target, 0) + quantity
        last[source] = last[target] = offset
        into = target[0] != "@"
        if real is not into:
            change = 1 if into else -1
            stock.total += change * quantity
            stock.value += change * value
        if (real and (left != fact.source_after or left < 0)) or (
            into and held != fact.target_after
        ):
            self._wrong_balance(fact, left, held)
        stock.moved = True
        if kind in SUPPLYING or fact.supply is not None:
            self._receive(fact, stock)
        self.past.add_movement(fact, value, stock.number)

    def _new(self, name: str, fact: Moved) -> Stock:
        self._meet(name, fact.offset)
        return self._of(name, fact.scale)

    def _wrong_value(self, fact: Moved, value: int, basis: str) -> None:
        said = f"says {cost_text(fact.value)} ({fact.cost_basis})"
        true = f"{cost_text(value)} ({basis}) moves" if value >= 0 else "nothing is left"
        self.wrong("wrong_value", fact.offset, f"{said}, and {true}")

    def _wrong_balance(self, fact: Moved, left: int, held: int) -> None:
        sides = ((fact.source, fact.source_after, left), (fact.target, fact.target_after, held))
        for account, said, true in sides:
            if account[0] == "@":
                continue
            have = text(true, fact.scale)
            if true < 0:
                what = f"{named(account)} of {fact.sku} holds {have}"
                self.wrong("negative", fact.offset, what)
            if said != true:
                what = f"says {text(said, fact.scale)} for {named(account)} of {fact.sku}"
                self.wrong("wrong_balance", fact.offset, f"{what}, which holds {have}")

    def _check_asked(self, fact: Moved, stock: Stock, asked: tuple[str, str]) -> None:
        """Accounts and quantity are those of the command, and its condition held."""
        command = fact.command
        assert isinstance(command, Movement)
        source, target = fact.source, fact.target
        if asked != (source, target) or source == target:
            what = f"from {named(asked[0])} to {named(asked[1])} was asked for"
            self.wrong("wrong_accounts", fact.offset, what)
        wanted = text(fact.quantity, fact.scale)
        if type(command) is Adjustment and source[0] != "@":
            wanted = f"-{wanted}"
        if command.quantity != wanted:
            what = f"{command.quantity} was asked for, and {wanted} moved"
            self.wrong("wrong_accounts", fact.offset, what)
        if fact.quantity <= 0:
            self.wrong("wrong_accounts", fact.offset, "nothing moved")
        if command.expected_on_hand is not None:
            self._check_condition(fact, stock, str(command.expected_on_hand))

    def _check_condition(self, fact: Moved, stock: Stock, expected: str) -> None:
        guarded = fact.target if fact.source[0] == "@" else fact.source
        have = 0 if guarded[0] == "@" else stock.accounts.get(guarded, 0)
        if micro(expected) != have * 10 ** (SCALE_MAX - fact.scale):
            what = f"{expected} was expected where {text(have, fact.scale)} is"
            self.wrong("condition_broken", fact.offset, what)

    def _linked(self, fact: Moved) -> Earlier | None:
        original, offset = self.links.original_of(fact)
        for code, sentence in self.links.check(fact, original, offset):
            self.wrong(code, fact.offset, sentence)
        return original

    def _check_reversed(self, fact: Moved, original: Earlier | None) -> None:
        """A reversal is the opposite of what it names."""
        if original is None:
            return
        numbers = self.past.names
        there = (original.target, original.source, original.quantity)
        if (numbers.get(fact.source), numbers.get(fact.target), fact.quantity) != there:
            self.wrong("wrong_accounts", fact.offset, "it is not the opposite of what it reverses")

    def _receive(self, fact: Moved, stock: Stock) -> None:
        """A receipt may name the line of a supply order; its reversal belongs to that line too."""
        lines = self.links.lines
        line = line_of(fact)
        if line is not None:
            lines[fact.offset] = line
        elif fact.reverses_offset >= 0:
            line = lines.get(fact.reverses_offset)
        self._all("wrong_supply", fact.offset, count_received(stock, fact, line))
