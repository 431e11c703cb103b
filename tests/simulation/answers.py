"""What callers heard, held against what the log says."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from ledger.domain.facts import Moved, Refused
from ledger.domain.rejections import Rejected
from ledger.writer.outcomes import ANSWERED, Elsewhere, Outcome, Replayed, Unavailable, Unknown
from tests.simulation.auditor import Audit
from tests.simulation.workload import Attempt


def problems_of_answers(
    history: Iterable[Attempt], partition_of: dict[str, int], audits: list[Audit]
) -> list[str]:
    """Everything that contradicts the log, each in a sentence."""
    by_id: dict[tuple[int, str], list[Attempt]] = defaultdict(list)
    for attempt in history:
        by_id[partition_of[attempt.sku], attempt.id].append(attempt)
    found: list[str] = []
    for (partition, identity), attempts in by_id.items():
        audit = audits[partition]
        found += [
            f"{identity}: {problem}"
            for attempt in attempts
            for problem in _problems(attempt, audit)
        ]
        firsts = [attempt for attempt in attempts if isinstance(attempt.outcome, _COUNTED)]
        if len(firsts) > 1:
            found.append(f"{identity}: {len(firsts)} callers were told that theirs was the first")
        told_no = all(isinstance(attempt.outcome, _NOTHING) for attempt in attempts)
        if told_no and identity in audit.by_id:
            found.append(f"{identity}: counts, and every caller was told that nothing was written")
    ids = {identity for _, identity in by_id}
    for audit in audits:
        found += [f"{name}: counts, and nobody sent it" for name in audit.by_id if name not in ids]
    return found


_COUNTED = ANSWERED
_NOTHING = (Unavailable, Rejected)
_NO_CLAIM = (Unknown, Unavailable)


def _problems(attempt: Attempt, audit: Audit) -> list[str]:  # noqa: C901, PLR0911 - one answer each
    outcome: Outcome | None = attempt.outcome
    counted = audit.by_id.get(attempt.id)
    if isinstance(outcome, Replayed):
        outcome = outcome.fact
    if isinstance(outcome, Rejected):
        reused = outcome.code == "idempotency_key_reused"
        return ["reused, but it never counted"] if reused and counted is None else []
    if isinstance(outcome, _NO_CLAIM):
        return []
    if outcome is None:
        return ["never answered"]
    if isinstance(outcome, Elsewhere):
        return ["was told what only instances tell each other"]
    if counted is None:
        return [f"was answered with {type(outcome).__name__} and does not count"]
    offset, document = counted
    if getattr(outcome, "offset", -1) != offset:
        return [f"was told another place than {offset}"]
    refused = document["type"] == "stock.refused.v1"
    if refused != isinstance(outcome, Refused):
        return ["was told something else than was recorded"]
    if isinstance(outcome, Moved):
        told = [outcome.source_after, outcome.target_after]
        says = [
            int(Decimal(entry.get("on_hand", "0")) * 10**outcome.scale)
            for entry in document["data"]["entries"]
        ]
        if told != says:
            return [f"was told the balances {told}, recorded are {says}"]
    return []
