"""The order of the records of one SKU, held against what callers saw happen before what."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from ledger.writer.outcomes import ANSWERED, Replayed
from tests.simulation.auditor import Audit
from tests.simulation.workload import Attempt

_OWN = ANSWERED


def problems_of_order(
    history: Sequence[Attempt],
    partition_of: dict[str, int],
    audits: Sequence[Audit],
) -> Iterator[str]:
    """Records that lie before what their callers knew already when they first sent them."""
    events = [(attempt.sent_at, attempt, False) for attempt in history if attempt.sent_at]
    events += [(attempt.answered_at, attempt, True) for attempt in history if attempt.answered_at]
    events.sort(key=lambda event: event[0])
    # SKU to the highest offset that somebody was told.
    told: defaultdict[str, int] = defaultdict(lambda: -1)
    seen: set[tuple[int, str]] = set()
    for _, attempt, answered in events:
        partition = partition_of[attempt.sku]
        if answered:
            outcome = attempt.outcome
            fact = outcome.fact if isinstance(outcome, Replayed) else outcome
            if isinstance(fact, _OWN):
                told[fact.sku] = max(told[fact.sku], fact.offset)
        elif (partition, attempt.id) not in seen:
            seen.add((partition, attempt.id))
            place, document = audits[partition].by_id.get(attempt.id, (None, {}))
            if place is not None and place <= told[document["subject"]]:
                yield f"{attempt.id}: lies at {place}, before what was known when it was sent"
    yield from _bulks(history)


def _bulks(history: Sequence[Attempt]) -> Iterator[str]:
    """Of one bulk, the commands of one SKU count in their order.

    A replay, too, where nobody sent the id at any other time: then it was the ledger that sent it
    again, to an owner that had counted it.
    """
    sent = Counter((attempt.sku, attempt.id) for attempt in history)
    last: dict[tuple[int, str], int] = {}
    for attempt in history:
        outcome = attempt.outcome
        if isinstance(outcome, Replayed) and sent[attempt.sku, attempt.id] == 1:
            outcome = outcome.fact
        if attempt.bulk and isinstance(outcome, _OWN):
            before = last.get((attempt.bulk, attempt.sku), -1)
            if outcome.offset <= before:
                yield f"{attempt.id}: lies at {outcome.offset}, its bulk was at {before} already"
            last[attempt.bulk, attempt.sku] = outcome.offset
