"""Whatever is asked in whatever order: nothing appears, nothing vanishes, all can be replayed."""

import asyncio
import copy
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ledger.domain.checks import all_sound
from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide, evolve, undo
from ledger.domain.facts import FORMAT_LEVEL, Command, Fact, Moved, Opened, Resolved
from ledger.domain.items import ItemDefined
from ledger.domain.rejections import Rejected
from ledger.domain.stock import PartitionState, SkuState
from ledger.domain.supply import SUPPLY_FACTS, SupplyOrderPlaced
from ledger.events.chain import GENESIS, Chain, link
from ledger.events.codec import encode
from ledger.events.envelope import TYPE_LEVELS
from ledger.log import Record
from ledger.writer.batch import Batch, Decider, needs_original
from ledger.writer.queue import Request, Submission
from ledger.writer.refusals import refusal
from tests import builders as make
from tests.builders import NOW_MS
from tests.properties.states import picture, shuffled

SOURCE = "/stockledger/properties"
skus = st.sampled_from(["A", 'B"', "é"])
places = st.sampled_from(["P", "P/1", "Q"])
lots = st.sampled_from([None, None, "L"])
numbers = st.sampled_from(["1", "2", "03", "5.0", "0.5", "7", "40"])
costs = st.sampled_from([None, "0", "0.333333", "2.55", 7])


class PartitionMachine(RuleBasedStateMachine):
    """Commands against one state, and a book of all accounts beside it."""

    @initialize()
    def open(self) -> None:
        """The first record."""
        self.state = PartitionState()
        self.book: dict[str, Counter[str]] = {}
        self.moved: list[Moved] = []
        self.orders: list[SupplyOrderPlaced] = []
        # What is on order of a SKU, as its newest record says.
        self.on_order: dict[str, int] = {}
        self.commands: list[Command] = []
        self.records: list[Record] = []
        self.head = GENESIS
        self.now_ms = NOW_MS
        self.record(Opened(0, "properties", 0, 1, "murmur2", "EUR", FORMAT_LEVEL, NOW_MS))

    def record(self, fact: Fact) -> None:
        """Apply a fact, undo it, apply it again, and write it down."""
        before = picture(self.state)
        token = evolve(self.state, fact)
        after = picture(self.state)
        if not isinstance(fact, Opened):
            undo(self.state, fact, token)
            assert picture(self.state) == before
            evolve(self.state, fact)
            assert picture(self.state) == after
        key, value = encode(fact, SOURCE, self.head)
        self.head = link(0, fact.offset, key, value)
        self.records.append(Record(fact.offset, fact.offset, key, value, self.now_ms))

    def ask(self, command: Command) -> None:
        """Decide, as the writer does."""
        self.now_ms += 1
        sent = copy.deepcopy(command)
        if needs_original(command):
            name = getattr(command, "reverses", None) or getattr(command, "original_id", "")
            found = next((fact for fact in self.moved if fact.id == name), None)
            command = Resolved(command, found)  # type: ignore[arg-type]
        context = Context(Rules(), self.now_ms, "key-1", all_sound([command]))
        before = picture(self.state)
        decision = decide(self.state, command, context)
        assert picture(self.state) == before, "deciding changed the state"
        assert decide(shuffled(self.state), command, context) == decision
        if isinstance(decision, Rejected):
            if decision.needs_state:
                self.record(refusal(self.state.offset, command, decision, context))
                self.commands.append(sent)
            return
        self.record(decision)
        self.commands.append(sent)
        self.note_supply(decision)
        if isinstance(decision, Moved):
            self.moved.append(decision)
            accounts = self.book.setdefault(decision.sku, Counter())
            accounts[decision.source] -= decision.quantity
            accounts[decision.target] += decision.quantity

    def note_supply(self, fact: Fact) -> None:
        """What it says of supply orders."""
        if isinstance(fact, SupplyOrderPlaced):
            self.orders.append(fact)
        if isinstance(fact, SUPPLY_FACTS):
            self.on_order[fact.sku] = fact.on_order
        elif isinstance(fact, Moved) and fact.supply is not None:
            self.on_order[fact.sku] = fact.supply.on_order

    @rule(sku=skus, quantity=numbers)
    def order(self, sku: str, quantity: str) -> None:
        """Goods are ordered."""
        self.ask(make.place(quantity, sku=sku))

    @rule(sku=skus, which=st.data(), quantity=numbers)
    def change_order(self, sku: str, which: Any, quantity: str) -> None:
        """An order changes, unless it is closed or of another SKU."""
        self.ask(make.change(which.draw(self._names), sku=sku, quantity=quantity))

    @rule(sku=skus, which=st.data())
    def close_order(self, sku: str, which: Any) -> None:
        """An order is closed, unless it is already."""
        self.ask(make.close(which.draw(self._names), sku=sku))

    @rule(which=st.data(), quantity=numbers, place=places)
    def receive_of_order(self, which: Any, quantity: str, place: str) -> None:
        """Goods come of an order, perhaps more than were ordered."""
        name = which.draw(self._names)
        sku = next((fact.sku for fact in self.orders if fact.id == name), "A")
        self.ask(make.receipt(quantity, sku=sku, location=place, supply_order=name))

    @rule(which=st.data())
    def reverse_what_was_ordered(self, which: Any) -> None:
        """A receipt is taken back whose order may be closed."""
        received = [fact for fact in self.moved if fact.supply is not None]
        if received:
            fact = which.draw(st.sampled_from(received))
            self.ask(make.reversal(fact.id, sku=fact.sku))

    @property
    def _names(self) -> st.SearchStrategy[str]:
        return st.sampled_from(["nothing", *(fact.id for fact in self.orders[-4:])])

    @rule(sku=skus, place=places, lot=lots, quantity=numbers, cost=costs)
    def receive(self, sku: str, place: str, lot: str | None, quantity: str, cost: Any) -> None:
        """Goods come."""
        self.ask(make.receipt(quantity, sku=sku, location=place, lot=lot, unit_cost=cost))

    @rule(sku=skus, place=places, lot=lots, quantity=numbers, kind=st.integers(0, 4))
    def take(self, sku: str, place: str, lot: str | None, quantity: str, kind: int) -> None:
        """Goods go."""
        makers = (make.issue, make.pick, make.scrap, make.supplier_return)
        fields: dict[str, Any] = {"sku": sku, "location": place, "lot": lot}
        if kind == len(makers):
            self.ask(make.adjustment(f"-{quantity}", **fields))
        else:
            self.ask(makers[kind](quantity, **fields))

    @rule(sku=skus, place=places, other=places, quantity=numbers, status=st.booleans())
    def move(self, sku: str, place: str, other: str, quantity: str, status: bool) -> None:
        """Goods change place or status; to the same place is malformed."""
        if status:
            self.ask(make.status_change(quantity, sku=sku, location=place))
        else:
            places_ = {"from_location": place, "to_location": other}
            self.ask(make.transfer(quantity, sku=sku, **places_))

    @rule(sku=skus, place=places, quantity=numbers, back=st.data())
    def give_back(self, sku: str, place: str, quantity: str, back: Any) -> None:
        """Goods come back, perhaps from a movement that is known."""
        known = [fact.id for fact in self.moved if fact.sku == sku]
        name = back.draw(st.sampled_from([None, "nobody", *known]))
        how = back.draw(st.sampled_from([None, "scrap", "quarantine"]))
        fields = {"original_id": name, "disposition": how}
        self.ask(make.customer_return(quantity, sku=sku, location=place, **fields))

    @rule(place=places, quantity=numbers, which=st.data())
    def give_back_what_left(self, place: str, quantity: str, which: Any) -> None:
        """A linked return of goods that went to a customer, and now and then more than went."""
        gone = [fact for fact in self.moved if fact.target == "@customer"]
        if gone:
            fact = which.draw(st.sampled_from(gone))
            self.ask(
                make.customer_return(quantity, sku=fact.sku, location=place, original_id=fact.id)
            )

    @rule(which=st.data())
    def reverse_what_left_or_came_back(self, which: Any) -> None:
        """A linked return, or what it is linked to."""
        ends = [fact for fact in self.moved if "@customer" in {fact.source, fact.target}]
        if ends:
            fact = which.draw(st.sampled_from(ends))
            self.ask(make.reversal(fact.id, sku=fact.sku))

    @rule(sku=skus, which=st.data())
    def reverse(self, sku: str, which: Any) -> None:
        """A movement is taken back; some cannot be."""
        names = [fact.id for fact in self.moved]
        self.ask(make.reversal(which.draw(st.sampled_from(["nobody", *names])), sku=sku))

    @rule(sku=skus, scale=st.integers(0, 2), cost=st.sampled_from([None, "3", "0.000001"]))
    def describe(self, sku: str, scale: int, cost: str | None) -> None:
        """An item is described; its scale may be fixed already."""
        self.ask(make.define(sku, scale=scale, unit_cost=cost))

    @invariant()
    def nothing_appears_and_nothing_vanishes(self) -> None:
        """All accounts of a SKU sum to zero, and the real ones are the state's."""
        for name, accounts in self.book.items():
            assert sum(accounts.values()) == 0
            real = {key: count for key, count in accounts.items() if key[0] != "@" and count}
            assert self.state.skus[name].levels == real

    @invariant()
    def no_more_comes_back_than_went(self) -> None:
        """Linked returns that stand, and the reversal, sum to the original at most."""
        undone = {fact.reverses_offset for fact in self.moved}
        back: Counter[int] = Counter()
        for fact in self.moved:
            if getattr(fact.command, "original_id", None) and fact.offset not in undone:
                back[fact.original_offset] += fact.quantity
        assert self.state.returned == back
        for fact in self.moved:
            if fact.target == "@customer" and fact.reverses_offset < 0:
                whole = fact.quantity if fact.offset in undone else 0
                assert back[fact.offset] + whole <= fact.quantity

    @invariant()
    def no_level_is_negative_and_no_value_without_goods(self) -> None:
        """And the sum of the levels is the quantity."""
        for sku in self.state.skus.values():
            assert all(level > 0 for level in sku.levels.values())
            assert sku.quantity == sum(sku.levels.values())
            assert sku.value >= 0
            assert sku.quantity or sku.value == 0

    @invariant()
    def what_is_on_order_is_what_is_open(self) -> None:
        """What came of an open order is what its receipts that stand brought."""
        undone = {fact.reverses_offset for fact in self.moved}
        came: Counter[int] = Counter()
        for fact in self.moved:
            if fact.supply is not None and fact.reverses_offset < 0 and fact.offset not in undone:
                came[fact.supply.order_offset] += fact.quantity
        for name, sku in self.state.skus.items():
            orders = (sku.supply or {}).values()
            assert sku.supply != {}
            assert all(order.received == came[order.offset] for order in orders)
            left = [order.ordered - order.received for order in orders]
            assert self.on_order.get(name, 0) == sum(count for count in left if count > 0)

    def teardown(self) -> None:
        """What was written gives the same state again; and nothing is decided a second time."""
        if not hasattr(self, "state"):
            return
        replayed, chain = PartitionState(), Chain(0)
        for record in self.records:
            evolve(replayed, chain.accept(record))
        assert picture(replayed) == picture(self.state)
        assert chain.head == self.head
        self.send_all_again()

    def send_all_again(self) -> None:
        """Every command that left a record is known, and yields no other."""
        if not self.commands:
            return
        before = picture(self.state)
        loop = asyncio.new_event_loop()
        submission = Submission(self.commands, None, Request(loop))
        batch = Batch(self.state.offset, self.head)
        decider = Decider(0, self.state, Rules(), TYPE_LEVELS)
        count = len(self.commands)
        assert decider.fill(batch, submission, 0, count, self.now_ms) == count
        loop.close()
        assert (batch.records, batch.facts) == ([], [])
        offsets = [record.offset for record in self.records[1:]]
        assert [duplicate.offset for duplicate in batch.duplicates] == offsets
        assert picture(self.state) == before


PartitionMachine.TestCase.settings = settings(
    max_examples=150, stateful_step_count=40, deadline=None
)
TestPartition = PartitionMachine.TestCase


def test_the_picture_sees_every_field() -> None:
    """A field that is added to the state must be undone and replayed too."""
    assert set(PartitionState.__slots__) == {
        "ids", "ledger_id", "level", "offset", "recorded_ms", "returned", "reversed",
        "skus",
    }  # fmt: skip
    assert SkuState.__struct_fields__ == (
        "levels", "quantity", "value", "scale", "item", "moved", "supply",
    )  # fmt: skip
    assert ItemDefined.__struct_fields__[:2] == ("offset", "id")
