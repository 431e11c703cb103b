"""The answer of all partitions as one: what was read, what it comes to, and every SKU in order."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ledger.domain import codes
from ledger.domain.quantities import COST_SCALE, text
from ledger.errors import WrongLedger
from ops.console import CommandError
from ops.replay.answer import SkuAnswer, Totals
from ops.replay.partition import PartitionAnswer
from ops.replay.question import Question


def check(question: Question, answers: Sequence[PartitionAnswer]) -> None:
    """Raise WrongLedger if the partitions are of different ledgers, CommandError if the question
    is about a time before the ledger, or about a SKU that it does not know."""
    first = answers[0].opened
    for answer in answers:
        if answer.opened.ledger_id != first.ledger_id:
            raise WrongLedger(
                f"partition {answer.partition} is of ledger {answer.opened.ledger_id}, partition "
                f"{answers[0].partition} of {first.ledger_id}"
            )
    if question.as_known_at_ms is not None and not any(answer.counting for answer in answers):
        opened = min(answer.opened.recorded_ms for answer in answers)
        raise CommandError(
            f"--as-known-at {_instant(question.as_known_at_ms)} is before the beginning: the "
            f"ledger was opened at {_instant(opened)}"
        )
    if question.sku is not None and not any(answer.known for answer in answers):
        last = ", ".join(f"{answer.partition}:{answer.position}" for answer in answers)
        at = "" if question.as_of_us is None else f" at {codes.instant_text(question.as_of_us)}"
        raise CommandError(f"no record up to {last} tells of {question.sku}{at}")
    if question.as_of_us is not None and question.sku is None:
        times = [answer.first_us for answer in answers if answer.first_us is not None]
        if times and question.as_of_us < min(times):
            raise CommandError(
                f"--as-of {codes.instant_text(question.as_of_us)} is before the beginning: the "
                f"first thing of all occurred at {codes.instant_text(min(times))}"
            )


def head_document(question: Question, answers: Sequence[PartitionAnswer]) -> dict[str, Any]:
    """What was asked, of which ledger, and up to which records."""
    opened = answers[0].opened
    return {
        "ledger_id": opened.ledger_id,
        "currency": opened.currency,
        "question": question.document(),
        "as_of_position": {str(one.partition): one.position for one in answers},
        "partitions": [_partition(one) for one in answers],
    }


def totals_document(answers: Sequence[PartitionAnswer]) -> dict[str, Any]:
    """What all SKUs come to."""
    total = Totals()
    for one in (answer.totals for answer in answers):
        for name in ("skus", "stock_keys", "negative_keys", "supply_lines", "value"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        for unit, amount in one.on_hand.items():
            total.on_hand[unit] = total.on_hand.get(unit, 0) + amount
    return {
        "skus": total.skus,
        "stock_keys": total.stock_keys,
        "negative_keys": total.negative_keys,
        "supply_lines": total.supply_lines,
        "value": text(total.value, COST_SCALE),
        "on_hand": {unit: text(one, COST_SCALE) for unit, one in sorted(total.on_hand.items())},
    }


def all_skus(answers: Iterable[PartitionAnswer]) -> Iterator[SkuAnswer]:
    """The SKUs of all partitions in order."""
    return heapq.merge(*(answer.skus for answer in answers), key=lambda sku: sku.sku)


def _partition(answer: PartitionAnswer) -> dict[str, Any]:
    found: dict[str, Any] = {
        "partition": answer.partition,
        "position": answer.position,
        "head_offset": answer.head_offset,
        "head": answer.head,
        "counting": answer.counting,
        "void": answer.void,
        "gaps": [list(gap) for gap in answer.gaps],
        "open_gaps": [list(gap) for gap in answer.open_gaps],
    }
    if answer.movements_in_range is not None:
        found["movements_in_range"] = answer.movements_in_range
    return found


def _instant(milliseconds: int) -> str:
    return codes.instant_text(milliseconds * 1000)
