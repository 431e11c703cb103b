"""What an answer says about one record: its content, its balances, why it was refused."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from ops.check_history.accounts import Document, Key, named
from ops.check_history.amounts import micro, shown
from ops.check_history.fold import ITEM_DEFINED, REFUSED, SILENT, PartitionFold
from ops.check_history.history import History, Operation
from ops.check_history.justify import Refusal, why_wrong
from ops.findings import Finding

_NUMBERS = frozenset({"quantity", "unit_cost", "expected_on_hand"})
_INSTANTS = frozenset({"occurred_at", "placed_at", "expected_at"})
# Found by the id itself; and the SKU of an item is its record's key.
_NOT_CONTENT = frozenset({"id"})


def stated_by(history: History, identity: str, sku: str, place: tuple[int, int]) -> list[Operation]:
    """The calls whose content the record must have: those told that they lie there.

    Where nobody was told so, those that never learned their place, if they all sent the same.
    """
    calls = history.of(identity, sku)
    told = [one for one in calls if (one.partition, one.offset) == place]
    if told:
        return told
    unsure = [one for one in calls if one.outcome == "unknown"]
    return unsure if len({bytes(one.command) for one in unsure}) == 1 else []


def check_content(
    place: tuple[int, int], event: Document, calls: list[Operation]
) -> Iterator[Finding]:
    """A record says what its client sent. Of a refused command only the quantity lies there."""
    if event["type"] in SILENT:
        return
    data = event["data"]
    for call in calls:
        asked = call.asked
        if asked is None:
            continue
        if event["type"] == REFUSED:
            recorded = {name: data[name] for name in ("quantity",) if data.get(name) is not None}
            asked = {name: asked.get(name) for name in recorded}
        elif event["type"] == ITEM_DEFINED:
            recorded = data["item"]
            asked = {name: asked.get("item", asked).get(name) for name in recorded}
        else:
            recorded = data["command"]
        if not same_content(asked, recorded):
            text = f"it says {recorded}, and {call.where} sent {asked}"
            yield Finding("wrong_content", f"{place[0]}:{place[1]}", text)


def same_content(sent: Document, recorded: Document) -> bool:
    """Whether two commands mean the same, whatever the spelling of numbers and instants."""
    for name in (sent.keys() | recorded.keys()) - _NOT_CONTENT:
        one, other = sent.get(name), recorded.get(name)
        if one != other and not _same(name, one, other):
            return False
    return True


def _same(name: str, one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    try:
        if name in _NUMBERS:
            return Decimal(one) == Decimal(other)
        if name in _INSTANTS:
            return datetime.fromisoformat(one) == datetime.fromisoformat(other)
    except (InvalidOperation, TypeError, ValueError):
        return False
    return False


def check_refusal(
    fold: PartitionFold, offset: int, event: Document, calls: list[Operation]
) -> Iterator[Finding]:
    """A recorded refusal was right in the state in front of it, and was answered as recorded.

    `calls` are those whose refusal it is. Raises CannotJudge.
    """
    data, where = event["data"], fold.place(offset)
    numbers = data.get("numbers", {})
    for call in calls:
        if call.outcome == "refused" and call.code != data["code"]:
            yield Finding("other_refusal", where, f"{call.where} was told {call.code}")
        elif call.numbers and call.numbers != numbers:
            yield Finding("other_refusal", where, f"{call.where} was told {call.numbers}")
    command = next((asked for call in calls if (asked := call.asked) is not None), None)
    wrong = why_wrong(fold, Refusal(event["subject"], data["code"], command, numbers, data))
    if wrong is not None:
        yield Finding("unjustified", where, f"{event['id']} was refused: {wrong}")


def check_told(fold: PartitionFold, offset: int, told: list[Operation]) -> Iterator[Finding]:
    """Each balance that an answer states at this position is what the records add up to.

    A read states all of its SKU; the answer to a movement the stock keys that it touched.
    """
    for call in told:
        stock = fold.of(call.sku)
        stated: dict[Key, int] = {}
        for one in call.balances:
            key = (one.location, one.lot, one.status)
            stated[key] = micro(one.on_hand)
            free = stated[key] if one.status == "available" else 0
            if one.available is not None and micro(one.available) != free:
                text = f"{call.where}: {one.available} of {named(key)} available, not {shown(free)}"
                yield Finding("wrong_answer", fold.place(offset), text)
        if call.op == "read":
            stated = {key: stated.get(key, 0) for key in {*stated, *stock.real}}
            if call.value is not None and micro(call.value) != stock.value:
                text = f"{call.where}: the value {call.value}, not {shown(stock.value)}"
                yield Finding("wrong_answer", fold.place(offset), text)
        for key, amount in stated.items():
            if stock.holds(key) != amount:
                text = f"{shown(amount)} in {named(key)}, which holds {shown(stock.holds(key))}"
                yield Finding("wrong_answer", fold.place(offset), f"{call.where}: {text}")
