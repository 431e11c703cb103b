"""Ids: what was acknowledged counts, what was refused does not, and nothing else is there."""

from collections.abc import Iterator, Mapping

from ops.check_history.fold import PartitionFold
from ops.check_history.history import History, Operation
from ops.check_history.stock import Known
from ops.findings import Finding

Folds = Mapping[int, PartitionFold]
_REUSED = "idempotency_key_reused"


def partitions_of(folds: Folds) -> dict[str, int]:
    """In which partition each SKU lies."""
    return {sku: fold.partition for fold in folds.values() for sku in fold.stock}


def known_to(folds: Folds, homes: Mapping[str, int], call: Operation) -> tuple[int, Known] | None:
    """What the id of a call became, and in which partition; None if it does not count.

    An id is unique within the partition of its SKU.
    """
    home = call.partition if call.partition is not None else homes.get(call.sku)
    if home is None and not call.sku:
        homes_of_id = [one for one, fold in folds.items() if call.id in fold.ids]
        home = homes_of_id[0] if len(homes_of_id) == 1 else None
    fold = folds.get(-1 if home is None else home)
    found = None if fold is None else fold.ids.get(call.id)
    return None if found is None or fold is None else (fold.partition, found)


def check_acknowledged(
    history: History, folds: Folds, homes: Mapping[str, int]
) -> Iterator[Finding]:
    """What was answered with a position counts there, and as what it was answered."""
    for call in history.operations:
        if not call.writes or call.offset is None:
            continue
        found = known_to(folds, homes, call)
        refused = call.outcome == "refused"
        place = f"{call.partition}:{call.offset}"
        if found is None:
            code = "refusal_lost" if refused else "lost"
            yield Finding(code, call.where, f"it was answered with {place} and does not count")
            continue
        partition, known = found
        if known.offset != call.offset:
            text = f"it was answered with {place} and lies at {partition}:{known.offset}"
            yield Finding("elsewhere", call.where, text)
        if refused and known.kind != "refused":
            yield Finding("refused_counts", call.where, f"it was refused, and counts at {place}")
        elif not refused and known.kind == "refused":
            yield Finding(
                "accepted_refused", call.where, f"it was accepted, and is refused {place}"
            )
        if known.sku != (call.sku or known.sku):
            text = f"it was answered for {call.sku}, and {place} is about {known.sku}"
            yield Finding("wrong_content", call.where, text)


def check_told_no(history: History, folds: Folds, homes: Mapping[str, int]) -> Iterator[Finding]:
    """An id does not count if every one of its callers was told that nothing was written.

    Holds only where the history is that of all clients.
    """
    for calls in history.by_id.values():
        if any(call.outcome == "unknown" or call.offset is not None for call in calls):
            continue
        found = known_to(folds, homes, calls[0])
        if found is None:
            continue
        refused = any(call.outcome == "refused" for call in calls)
        code = "refused_counts" if refused and found[1].kind == "movement" else "told_no"
        text = (
            f"it counts at {found[0]}:{found[1].offset}, and every caller was told that it is not"
        )
        yield Finding(code, calls[0].where, text)


def check_firsts(history: History) -> Iterator[Finding]:
    """Only one call is told that it was the one that counts; all others are replays."""
    for calls in history.by_id.values():
        # The same id may be used once in each partition.
        fresh = [call for call in calls if call.fresh] if len(calls) > 1 else ()
        for position, call in enumerate(fresh):
            before = [one for one in fresh[:position] if one.partition == call.partition]
            if before:
                text = f"{before[0].client} was told the same"
                yield Finding("first_twice", call.where, text)


def check_reused(history: History, folds: Folds, homes: Mapping[str, int]) -> Iterator[Finding]:
    """Only an id that counts can have been used for something else."""
    for call in history.operations:
        if call.code == _REUSED and call.writes and known_to(folds, homes, call) is None:
            yield Finding("reused_unfounded", call.where, "the id does not count at all")


def check_unsent(history: History, folds: Folds) -> Iterator[Finding]:
    """Every record is what some client sent."""
    for fold in folds.values():
        for identity, known in fold.ids.items():
            if identity not in history.by_id:
                text = f"{identity} counts, and no client sent it"
                yield Finding("unsent", fold.place(known.offset), text)


def check_homes(folds: Folds) -> Iterator[Finding]:
    """All records of one SKU lie in one partition."""
    homes: dict[str, int] = {}
    for fold in folds.values():
        for sku in fold.stock:
            home = homes.setdefault(sku, fold.partition)
            if home != fold.partition:
                text = f"{sku} lies in the partitions {home} and {fold.partition}"
                yield Finding("other_partition", sku, text)


def check_sums(fold: PartitionFold) -> Iterator[Finding]:
    """All accounts of a SKU, the virtual ones included, sum to zero."""
    for sku, stock in fold.stock.items():
        if sum(stock.accounts.values()):
            yield Finding("unbalanced", sku, "its accounts do not sum to zero")
