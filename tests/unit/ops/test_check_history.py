"""The checker of histories: good ones pass, and each rule can fail."""

import msgspec
import pytest

from ledger.log import Record
from ops.check_history.check import Terms, check_log
from ops.check_history.findings import CODES
from ops.check_history.history import NO_COMMAND, History
from tests.simulation.clock import run
from tests.unit.ops.spoilt import SPOILT, justified_unplaced
from tests.unit.ops.story import COMMANDS, StoredLog, encode, story

# Found by tests of their own, below and in test_check_history_state.py.
# In test_check_history_state and test_check_history_supply.
ELSEWHERE = {"other_partition", "view_differs", "snapshot_differs", "wrong_supply"}


def test_a_good_story_has_no_findings() -> None:
    """Every type of movement and every refusal by state, judged."""
    result = story().check()
    assert result.findings.kept == []
    assert (result.operations, result.unjudged) == (len(COMMANDS), 0)
    walk = result.walks[0]
    assert (walk.fold.movements, walk.fold.refusals, walk.tail.void) == (13, 11, 0)


@pytest.mark.parametrize("name", SPOILT)
def test_each_rule_can_fail(name: str) -> None:
    """Spoilt in one way, exactly that is found."""
    codes, spoil = SPOILT[name]
    spoilt = story()
    spoil(spoilt)
    assert set(spoilt.check().findings.counts) == codes


def test_no_rule_is_forgotten() -> None:
    """Every code is found by some test."""
    assert set().union(*(codes for codes, _ in SPOILT.values())) | ELSEWHERE == set(CODES)


def test_a_refusal_without_position_may_lie_anywhere_in_its_call() -> None:
    """The goods left while it was under way."""
    good = story()
    justified_unplaced(good)
    assert good.check().findings.kept == []


def test_void_records_are_listed_and_not_counted() -> None:
    """Whatever they say."""
    good = story()

    def spoil(records: list[Record]) -> None:
        for stated in (26, None):
            last = records[-1]
            records.append(Record(last.offset + 1, stated, last.key, last.value, 0))

    good.spoil = spoil
    result = good.check()
    assert result.findings.kept == []
    assert result.walks[0].tail.void_listed == [(28, 26), (29, None)]


def test_a_gap_is_found_although_the_chain_holds() -> None:
    """Something lay there."""
    spoilt = story()

    def spoil(records: list[Record]) -> None:
        records.append(Record(29, 12, b"", b"", 0))

    spoilt.spoil = spoil
    assert set(spoilt.check().findings.counts) == {"gap"}


def test_one_sku_in_two_partitions() -> None:
    """It would have two balances."""
    good = story()
    records = good.records()
    result = run(check_log(StoredLog([records, records]), History(good.calls), good.stored))
    assert result.findings.counts["other_partition"] == 2


def test_what_nobody_recorded_is_not_judged() -> None:
    """Whether a balance would overflow depends on the command, which is not in the log."""
    spoilt = story()
    spoilt.call("r9").command = NO_COMMAND
    result = spoilt.check()
    assert (result.findings.total, result.unjudged) == (0, 1)


@pytest.mark.parametrize("name", ["r1", "r2", "r8"])
def test_refusals_of_others_are_judged_by_their_figures(name: str) -> None:
    """Without the command the record itself must make sense."""
    spoilt = story()
    spoilt.terms = Terms(complete=False)
    spoilt.calls = [call for call in spoilt.calls if call.id != name]
    assert spoilt.check().findings.kept == []
    event = spoilt.event(name)
    event["data"].get("numbers", {}).update(available="4", expected="5", on_hand="5")
    event["subject"] = "pear" if name == "r8" else "apple"
    assert set(spoilt.check().findings.counts) == {"unjustified"}


def test_others_may_have_written_too() -> None:
    """Then what nobody of the history sent is no finding."""
    good = story()
    good.calls = good.calls[:3]
    assert set(good.check().findings.counts) == {"unsent"}
    good.terms = Terms(complete=False)
    assert good.check().findings.kept == []


def test_only_so_many_findings_are_kept() -> None:
    """And all are counted."""
    spoilt = story()
    spoilt.calls = []
    spoilt.terms = Terms(kept_max=2)
    findings = spoilt.check().findings
    assert findings.counts == {"unsent": 26}
    assert len(findings.kept) == 2


def test_an_unknown_movement_was_never_heard_of() -> None:
    """Of a call without SKU only its caller knows what it named."""
    spoilt = story()
    call = msgspec.structs.replace(
        spoilt.call("r3"), id="r30", sku="", partition=None, offset=None, numbers={},
        command=msgspec.Raw(encode({"type": "reversal", "sku": "", "reverses": "m1"})),
    )  # fmt: skip
    spoilt.calls.append(call)
    assert set(spoilt.check().findings.counts) == {"unjustified"}
    call.sent_ns = 0
    assert spoilt.check().findings.kept == []
