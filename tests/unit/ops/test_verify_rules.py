"""Each rule on a record of its own: what a record says is held against all before it.

The records are chained anew after they were spoilt, so that nothing but the rule can notice.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from copy import copy
from typing import Any

import pytest

from ledger.domain.context import Context, Rules
from ledger.domain.decider import decide, evolve
from ledger.domain.facts import Command, Moved, Resolved
from ledger.domain.movements import Reversal
from ledger.domain.stock import PartitionState
from ledger.events.chain import Chain
from ledger.events.trails import Trail, encode_trail
from ops.verify.partition import Sources, verify_partition
from tests import builders as make
from tests.contract.read_models import cases
from tests.unit.ops.story import StoredLog, Story, story

Spoil = Callable[[Story], object]


def walked(told: Story, partitions: int = 1) -> Counter[str]:
    """What verify says of the records of a story."""
    log = StoredLog([told.records(), *([] for _ in range(1, partitions))])
    return asyncio.run(verify_partition(Sources(log), 0)).findings.counts


def data(identity: str, **changes: Any) -> Spoil:
    """What a record says."""
    return lambda told: told.event(identity)["data"].update(changes)


def command(identity: str, **changes: Any) -> Spoil:
    """What was asked for."""
    return lambda told: told.event(identity)["data"]["command"].update(changes)


def entry(identity: str, number: int, **changes: Any) -> Spoil:
    """One side of a movement."""
    return lambda told: told.event(identity)["data"]["entries"][number].update(changes)


def envelope(identity: str, **changes: Any) -> Spoil:
    """What is around it."""
    return lambda told: told.event(identity).update(changes)


def again(identity: str, name: str) -> Spoil:
    """The same once more under another name, or its own."""
    return lambda told: told.append(identity, name)


def test_a_good_story_breaks_no_rule() -> None:
    """Every type of movement, refusals of every reason, items."""
    assert walked(story()) == {}


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (data("m1", value="21"), "wrong_value"),
        (data("m1", cost_basis="standard"), "wrong_value"),
        (data("m10", cost_basis="average"), "wrong_value"),
        (entry("m2", 1, on_hand="9", available="9"), "wrong_balance"),
        (command("m3", quantity="1"), "wrong_accounts"),
        (command("m3", to_location="ELSEWHERE"), "wrong_accounts"),
        (command("m11", expected_on_hand="5"), "condition_broken"),
        (command("m10", reverses="m8"), "wrong_link"),
        (data("m10", reverses_offset=1), "wrong_link"),
        (again("m10", "m99"), "undone_twice"),
        (again("m8", "m8"), "counted_twice"),
        (again("m9", "m99"), "negative"),
        (data("m12", scale=3), "wrong_scale"),
        (data("r1", fingerprint="X" * 32), "wrong_refusal"),
        (envelope("m4", time="2001-01-01T00:00:00Z"), "time_went_back"),
        (envelope("m1", source="/stockledger/another"), "not_as_written"),
        (envelope("m1", colour="red"), "not_as_written"),
        (data("m1", colour="red"), "not_as_written"),
        (entry("m1", 1, available="9"), "not_as_written"),
        (entry("m1", 1, quantity="9"), "not_as_written"),
        (data("m1", quantity="010"), "not_as_written"),
        (data("m1", quantity="ten"), "undecodable"),
        (envelope("m1", type="stock.stolen.v1"), "undecodable"),
        (command("m1", id="m77"), "undecodable"),
        (envelope("m1", subject="pear"), "undecodable"),
    ],
)
def test_each_broken_rule_is_noticed(spoil: Spoil, code: str) -> None:
    """By its own code, whatever else follows from it."""
    told = story()
    spoil(told)
    assert code in walked(told)


PAST = (
    make.receipt("10", id="in", unit_cost="1"),
    make.transfer("5", id="moved"),
    make.receipt("10", unit_cost="3"),
    make.reversal("moved", id="back"),
    make.issue("10"),
    make.reversal("in", id="out"),
    make.receipt("4", id="pears", sku="pear", unit_cost="2"),
    make.receipt("4", sku="pear", unit_cost="5"),
    make.reversal("pears", id="pears out", sku="pear"),
)


@pytest.mark.parametrize(
    ("identity", "basis", "found"),
    [
        ("back", "average", {}),
        ("out", "average", {}),
        # So every reversal said before the two were told apart.
        ("back", "original", {}),
        ("out", "original", {}),
        ("back", "given", {"wrong_value": 1}),
        ("out", "none", {"wrong_value": 1}),
        ("pears out", "original", {}),
        ("pears out", "average", {"wrong_value": 1}),
    ],
)
def test_where_the_value_of_a_reversal_is_from(
    identity: str, basis: str, found: dict[str, int]
) -> None:
    """Of what goes out of stock: the original where it is its value, else the average."""
    log = cases.MemoryLog(1)
    teller = cases.Teller(log)
    facts: dict[str, Moved] = {}
    for asked in PAST:
        teller.state.offset = teller.end
        command: Command = copy(asked)
        if isinstance(command, Reversal):
            command = Resolved(command, facts[command.reverses])
        fact = decide(teller.state, command, Context(Rules(), teller.now_ms))
        assert isinstance(fact, Moved)
        facts[fact.id] = fact
        if fact.id == identity:
            fact.cost_basis = basis
        teller.lay(fact)
    assert asyncio.run(verify_partition(Sources(log), 0)).findings.counts == found


def test_skus_and_openings_lie_in_their_partition() -> None:
    """Of a log of three partitions a record of one would be elsewhere."""
    found = walked(story(), partitions=3)
    assert found["other_ledger"] == 1
    assert found["misplaced"] >= 1


@pytest.mark.parametrize(
    ("level", "early"), [(1, ["0:1", "0:2", "0:3"]), (2, ["0:1", "0:2"]), (3, [])]
)
def test_what_came_with_a_later_level(
    monkeypatch: pytest.MonkeyPatch, level: int, early: list[str]
) -> None:
    """Trails came with level 3, prices of items with level 2, in records that were there before."""
    monkeypatch.setattr(cases, "FORMAT_LEVEL", level)
    log = cases.MemoryLog(1)
    teller = cases.Teller(log)
    teller.trail = encode_trail(Trail("http", "request-1"))
    first = teller.tell(cases.receipt("m1", "apple"))
    teller.tell(cases.receipt("m2", "apple"))
    assert first.trail is not None
    teller.define("pear", "d1", price="2")
    report = asyncio.run(verify_partition(Sources(log), 0))
    assert [one.where for one in report.findings.kept] == early
    assert set(report.findings.counts) <= {"level_too_early"}


@pytest.mark.parametrize(
    ("good", "older"),
    [
        # A condition on no stock key.
        ({"disposition": "scrap"}, {"expected_on_hand": "0"}),
        ({}, {"disposition": ""}),
    ],
)
def test_what_older_logs_have_is_read_as_ever(good: dict[str, str], older: dict[str, str]) -> None:
    """It is refused now; where such a return counts, it is replayed and found to be sound."""
    log = cases.MemoryLog(1)
    teller = cases.Teller(log)
    teller.tell(cases.receipt("m1", make.SKU))
    teller.state.offset = teller.end
    asked = make.customer_return(id="m2", **good)
    fact = decide(teller.state, asked, Context(Rules(), teller.now_ms))
    assert isinstance(fact, Moved)
    for name, value in older.items():
        setattr(fact.command, name, value)
    teller.lay(fact)
    assert asyncio.run(verify_partition(Sources(log), 0)).findings.counts == {}
    state, chain = PartitionState(), Chain(0)
    for record in log.records[0]:
        evolve(state, chain.accept(record))
    told = teller.state
    assert (state.skus, state.ids, state.offset) == (told.skus, told.ids, told.offset)
