"""given(past).when(command).then(…): the rules of stock without any log around them."""

from typing import Any

from ledger.domain.context import Context, Rules
from ledger.domain.decider import Decision, decide, evolve
from ledger.domain.facts import Command, Moved, Resolved
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import SUPPLY_FACTS, OpenOrder, SupplyFact
from ledger.writer.batch import needs_original
from tests.builders import NOW_MS, SKU


class Outcome:
    """What a command came to."""

    def __init__(self, decision: Decision) -> None:
        """Hold it."""
        self.decision = decision

    def then(self, **expected: Any) -> Moved:
        """Expect a movement with these fields."""
        assert isinstance(self.decision, Moved), self.decision
        found = {name: getattr(self.decision, name) for name in expected}
        assert found == expected
        return self.decision

    def supplied(self, **expected: Any) -> SupplyFact:
        """Expect a fact about a supply order with these fields."""
        assert isinstance(self.decision, SUPPLY_FACTS), self.decision
        found = {name: getattr(self.decision, name) for name in expected}
        assert found == expected
        return self.decision

    def described(self) -> ItemDefined:
        """Expect the description of an item."""
        assert isinstance(self.decision, ItemDefined), self.decision
        return self.decision

    def refused(self, code: str, **numbers: str) -> Rejected:
        """Expect a refusal that depends on state, with these figures."""
        assert isinstance(self.decision, Rejected), self.decision
        assert (self.decision.code, self.decision.needs_state) == (code, True)
        found = {name: self.decision.numbers.get(name) for name in numbers}
        assert found == numbers
        return self.decision

    def malformed(self, code: str) -> Rejected:
        """Expect a refusal that no state could change."""
        assert isinstance(self.decision, Rejected), self.decision
        assert (self.decision.code, self.decision.needs_state) == (code, False)
        return self.decision


class Given:
    """A partition in which some commands were accepted."""

    def __init__(self, *past: Command, rules: Rules | None = None, now_ms: int = NOW_MS) -> None:
        """Decide and apply them, in order."""
        self.state = PartitionState()
        self.rules = rules or Rules()
        self.now_ms = now_ms
        self.facts: dict[str, Moved] = {}
        for command in past:
            self.apply(command)

    def when(self, command: Command) -> Outcome:
        """Decide, and leave the state alone."""
        if needs_original(command):
            name = getattr(command, "reverses", None) or getattr(command, "original_id", "")
            command = Resolved(command, self.facts.get(name))  # type: ignore[arg-type]
        return Outcome(decide(self.state, command, Context(self.rules, self.now_ms, "key-1")))

    def apply(self, command: Command) -> Moved | ItemDefined | SupplyFact:
        """Decide and apply; the command must be accepted."""
        decision = self.when(command).decision
        assert isinstance(decision, (Moved, ItemDefined, *SUPPLY_FACTS)), decision
        evolve(self.state, decision)
        if isinstance(decision, Moved):
            self.facts[decision.id] = decision
        return decision

    def sku(self, name: str = SKU) -> SkuState:
        """The state of one SKU."""
        return self.state.skus[name]

    def open_orders(self, name: str = SKU) -> dict[str, OpenOrder]:
        """The open supply orders of one SKU."""
        return self.state.skus[name].supply or {}


def given(*past: Command, rules: Rules | None = None) -> Given:
    """Start a sentence."""
    return Given(*past, rules=rules)
