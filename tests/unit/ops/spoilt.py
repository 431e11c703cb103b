"""One way to spoil a good story for each rule of the checker, and the codes that it must find."""

from collections.abc import Callable
from typing import Any

import msgspec

from ledger.log import Record
from ops.check_history.history import Balance, Operation
from tests.unit.ops.story import Story, encode

Spoil = Callable[[Story], object]
PEAR = {"lot": "L2", "location": "MAIN/A"}


def _spoil_records(change: Callable[[list[Record]], object]) -> Spoil:
    def spoil(story: Story) -> None:
        story.spoil = change

    return spoil


def _other_hash(records: list[Record]) -> None:
    one = records[-1]
    value = one.value.replace(b'"prevhash":"', b'"prevhash":"00')
    records[-1] = msgspec.structs.replace(one, value=value)


def _unreadable(records: list[Record]) -> None:
    records[-1] = msgspec.structs.replace(records[-1], value=b"{")


def _data(identity: str, **changes: Any) -> Spoil:
    return lambda story: story.event(identity)["data"].update(changes)


def _entry(identity: str, number: int, **changes: Any) -> Spoil:
    return lambda story: story.event(identity)["data"]["entries"][number].update(changes)


def _call(identity: str, **changes: Any) -> Spoil:
    def spoil(story: Story) -> None:
        for name, value in changes.items():
            setattr(story.call(identity), name, value)

    return spoil


def _asked(identity: str, **changes: Any) -> Spoil:
    """Both in what was sent and in the record of its refusal."""

    def spoil(story: Story) -> None:
        story.asked(identity, **changes)
        if "quantity" in changes:
            story.event(identity)["data"]["quantity"] = changes["quantity"]

    return spoil


def _more(**fields: Any) -> Spoil:
    """One more call."""
    given: dict[str, Any] = {
        "client": "other", "op": "movement", "sku": "pear", "sent_ns": 8_000, "answered_ns": 8_001,
        "outcome": "accepted", **fields,
    }  # fmt: skip
    return lambda story: story.calls.append(Operation(**given))


def _all(*spoils: Spoil) -> Spoil:
    return lambda story: [spoil(story) for spoil in spoils]


def _negative(story: Story) -> None:
    event = story.append("m13", "x1")
    event["data"]["entries"][0].update(on_hand="-1.25", available="-1.25")


def _reverses_nothing(story: Story) -> None:
    story.event("m10")["data"]["command"].update(reverses="r1")
    story.asked("m10", reverses="r1")
    story.asked("r5", reverses="m4")
    _code("r5", "not_reversible")(story)


def _reversed_again(story: Story) -> None:
    event = story.append("m10", "x1")
    entry = event["data"]["entries"][1]
    entry["on_hand"] = entry["available"] = str(int(entry["on_hand"]) + 1)


def _back_again(story: Story) -> None:
    quarantined = story.append("m5", "x1")["data"]["command"]
    story.append("m5", "x2", command=quarantined)
    for number, event in enumerate(story.events[-2:], start=1):
        event["data"]["entries"][1]["on_hand"] = str(number)


def _expects(story: Story) -> None:
    story.asked("m11", expected_on_hand="5")
    story.event("m11")["data"]["command"]["expected_on_hand"] = "5"


def _as_was(story: Story) -> None:
    """A version conflict over what was expected."""
    story.asked("r2", expected_on_hand=story.event("r2")["data"]["numbers"]["on_hand"])


def _code(identity: str, code: str) -> Spoil:
    return _all(_data(identity, code=code), _call(identity, code=code))


def _figures(identity: str, **figures: str) -> Spoil:
    def spoil(story: Story) -> None:
        story.event(identity)["data"]["numbers"].update(figures)
        for call in story.calls:
            if call.id == identity:
                call.numbers.update(figures)

    return spoil


def _drop(story: Story, identity: str) -> None:
    story.calls.remove(story.call(identity))


def _told(identity: str, **changes: Any) -> Spoil:
    """Its caller was told something else, and no place."""
    return _call(identity, partition=None, offset=None, balances=(), **changes)


def _unplaced(sent_ns: int, answered_ns: int) -> Callable[[Story], None]:
    """A refusal without a position, of what was there between two records only."""

    def spoil(story: Story) -> None:
        before, after = story.call("m12"), story.call("m13")
        before.answered_ns, after.sent_ns, after.answered_ns = 5_000, 6_000, 6_001
        asked = {"type": "pick", "sku": "pear", "quantity": "1", "id": "u1", **PEAR}
        _more(
            id="u1", sent_ns=sent_ns, answered_ns=answered_ns, outcome="refused",
            code="insufficient_stock", command=msgspec.Raw(encode(asked)),
        )(story)  # fmt: skip

    return spoil


# Sent while the goods were on their way out, so that it may have come behind them.
justified_unplaced = _unplaced(5_500, 6_001)
_READ: dict[str, Any] = {"op": "read", "partition": 0}
_HELD = (Balance(location="MAIN/A", lot="L2", on_hand="1.25"),)

_BALANCES = {"negative", "wrong_balance", "wrong_answer"}


def _bulk(story: Story) -> None:
    """Two calls that follow each other, as items of one bulk the other way round."""
    first, second = story.call("m12"), story.call("m13")
    for call in (first, second):
        call.op = "bulk_item"
    second.sent_ns, first.answered_ns = first.sent_ns, second.answered_ns
    places = [story.calls.index(call) for call in (first, second)]
    for place, call in zip(places, (second, first), strict=True):
        story.calls[place] = call


def _sent_again(story: Story) -> None:
    _bulk(story)
    story.call("m13").replayed = True


SPOILT: dict[str, tuple[set[str], Spoil]] = {
    "unreadable": ({"undecodable", "lost", "wrong_answer"}, _spoil_records(_unreadable)),
    "a record is missing": (
        {"gap", "chain_broken", "lost", "ahead_of_log", *_BALANCES},
        _spoil_records(lambda records: records.pop(-2)),
    ),
    "states a later place": (
        {"stated_ahead"},
        _spoil_records(lambda records: records.append(Record(28, 32, b"", b"", 0))),
    ),
    "another hash": ({"chain_broken"}, _spoil_records(_other_hash)),
    "an id twice": ({"counted_twice"}, lambda story: _drop_last(story, story.append("m12", "m12"))),
    "entries": (
        {"unbalanced", "wrong_balance", "wrong_answer"}, _entry("m13", 0, quantity="-1.00"),
    ),
    "less than nothing": ({"negative"}, _negative),
    "a stated balance": ({"wrong_balance"}, _entry("m13", 0, on_hand="0.5")),
    "available": ({"wrong_balance"}, _entry("m5", 1, available="1")),
    "another account": ({"wrong_accounts"}, _entry("m9", 1, account="@adjustment")),
    "reverses nothing": (
        {"wrong_accounts"},
        _reverses_nothing,
    ),
    "a condition": ({"condition_broken"}, _expects),
    "reversed again": ({"undone_twice"}, _reversed_again),
    "more came back": ({"undone_twice"}, _back_again),
    "an accepted one is missing": (
        {"lost", "ahead_of_log"}, lambda story: story.events.pop(),
    ),
    "another place": ({"elsewhere", "order"}, _call("m12", offset=25, balances=())),
    "refused, and counts": (
        {"refused_counts"}, _call("m13", outcome="refused", code="insufficient_stock", balances=()),
    ),
    "refused without a place, and counts": (
        {"refused_counts"}, _told("m13", outcome="refused", code="invalid_lot"),
    ),
    "accepted, and refused": ({"accepted_refused"}, _call("r10", outcome="accepted", code=None)),
    "a refusal is missing": ({"refusal_lost", "unsent"}, _call("r10", id="r99")),
    "another code": ({"other_refusal"}, _call("r1", code="version_conflict")),
    "other figures": ({"other_refusal"}, _call("r1", numbers={"requested": "3"})),
    "there was enough": ({"unjustified"}, _asked("r1", quantity="1")),
    "as expected": ({"unjustified"}, _as_was),
    "the movement is there": ({"unjustified"}, _asked("r3", reverses="m8")),
    "reversible": ({"unjustified"}, _asked("r4", reverses="m9")),
    "not reversed": ({"unjustified"}, _asked("r5", reverses="m9")),
    "it can be held": ({"unjustified"}, _asked("r9", quantity="1")),
    "its value can be held": ({"unjustified"}, _asked("r11", unit_cost="1000")),
    "a stated value": ({"wrong_value"}, _data("m4", value="3.999999")),
    "a read value": (
        {"wrong_answer"}, _more(**_READ, offset=26, balances=_HELD, value="1"),
    ),
    "a good quantity": ({"unjustified"}, _asked("r6", quantity="1")),
    "enough is left": ({"unjustified"}, _figures("r7", left="5")),
    "nothing against it": ({"unjustified"}, _asked("r8", item={"scale": 0})),
    "a lot is named": ({"unjustified"}, _asked("r10", lot="L2")),
    "it is described": ({"unjustified"}, _code("r10", "unknown_item")),
    "no such reason": ({"unjustified"}, _code("r10", "bad_weather")),
    "refused while it was there": ({"unjustified"}, _unplaced(5_500, 5_600)),
    "nothing was written": ({"told_no"}, _told("m13", outcome="unwritten")),
    "two firsts": ({"first_twice"}, lambda story: story.calls.append(story.call("m13"))),
    "nobody sent it": ({"unsent"}, lambda story: _drop(story, "m13")),
    "sent otherwise": ({"wrong_content"}, _call(
        "m13", command=msgspec.Raw(encode({"type": "pick", "sku": "pear", "quantity": "1.2"}))
    )),
    "reused by nobody": (
        {"reused_unfounded"},
        _more(id="ghost", outcome="invalid", code="idempotency_key_reused"),
    ),
    "a bulk": ({"bulk_order"}, _bulk),
    "a bulk that was sent again": ({"bulk_order"}, _sent_again),
    "behind its successor": ({"order"}, _call("m12", sent_ns=10_000, answered_ns=10_001)),
    "unanswered, and behind its successor": (
        {"order"}, _told("m12", sent_ns=10_000, answered_ns=None, outcome="unknown"),
    ),
    "an answered balance": (
        {"wrong_answer"}, _call("m13", balances=(Balance(location="MAIN/A", on_hand="7"),)),
    ),
    "available to a caller": (
        {"wrong_answer"},
        _call("m12", balances=(msgspec.structs.replace(_HELD[0], available="1"),)),
    ),
    "a read balance": ({"wrong_answer"}, _more(**_READ, offset=27, balances=_HELD)),
    "a read that misses something": ({"wrong_answer"}, _more(**_READ, offset=26)),
    "a read from before": (
        {"stale_read"}, _more(**_READ, offset=26, min_offset=27, balances=_HELD),
    ),
    "a read from nowhere": ({"ahead_of_log"}, _more(**_READ, offset=99)),
}  # fmt: skip


def _drop_last(story: Story, _event: object) -> None:
    """The id was sent before; it is not sent again."""
    story.calls.pop()
