"""Real time: what was answered before a call was sent lies in front of it.

One pass over the sends and answers in the order of time, with the highest offset answered so far
of each SKU.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping

from ops.check_history.checks_ids import Folds, known_to
from ops.check_history.fold import PartitionFold
from ops.check_history.history import History, Operation
from ops.check_history.justify import STATE_CODES, CannotJudge, Refusal, why_wrong
from ops.findings import Finding

# (time, 0 a send or 1 an answer, SKU, offset, whose). Of the same time a send comes first.
_Moment = tuple[int, int, str, int, Operation]


def check_order(history: History, folds: Folds, homes: Mapping[str, int]) -> Iterator[Finding]:
    """If A was answered before B of the same SKU was sent, A lies in front of B."""
    moments = [*_sends(history, folds, homes), *_answers(history)]
    moments.sort(key=lambda moment: moment[:2])
    highest: dict[str, tuple[int, Operation]] = {}
    for _, is_answer, sku, offset, call in moments:
        before = highest.get(sku)
        if is_answer:
            if before is None or before[0] < offset:
                highest[sku] = (offset, call)
        elif before is not None and before[0] >= offset:
            text = f"it lies at {offset}; before it was sent, {before[1].where} knew of {before[0]}"
            yield Finding("order", call.where, text)


def check_bulks(history: History, *, complete: bool) -> Iterator[Finding]:
    """Items of one bulk and SKU lie in their order. `complete`: nobody else sent anything.

    Also those that were answered as replays, if the id was sent but once: then the service itself
    sent it again, from one instance to another.
    """
    last: dict[tuple[str, int, str], Operation] = {}
    for call in history.operations:
        if call.op != "bulk_item" or call.offset is None:
            continue
        if call.replayed and not (complete and len(history.by_id[call.id]) == 1):
            continue
        key = call.client, call.sent_ns, call.sku
        before = last.get(key)
        if before is not None and before.offset is not None and before.offset >= call.offset:
            text = f"it lies at {call.offset}, and {before.id} in front of it at {before.offset}"
            yield Finding("bulk_order", call.where, text)
        last[key] = call


def _sends(history: History, folds: Folds, homes: Mapping[str, int]) -> Iterator[_Moment]:
    """When each record was sent: by the call told so, else by the first call of its id."""
    for calls in history.by_id.values():
        placed = {"", *(call.sku for call in calls if call.fresh)}
        first: dict[str, Operation] = {}
        for call in calls:
            if call.fresh and call.sku and call.offset is not None:
                yield call.sent_ns, 0, call.sku, call.offset, call
            elif call.sku not in placed:
                earlier = first.setdefault(call.sku, call)
                if call.sent_ns < earlier.sent_ns:
                    first[call.sku] = call
        for call in first.values():
            found = known_to(folds, homes, call)
            if found is not None and found[1].sku == call.sku:
                yield call.sent_ns, 0, call.sku, found[1].offset, call


def _answers(history: History) -> Iterator[_Moment]:
    for call in history.operations:
        if call.offset is None or call.answered_ns is None:
            continue
        if call.writes and call.sku:
            yield call.answered_ns, 1, call.sku, call.offset, call


def check_reads(history: History) -> Iterator[Finding]:
    """A read that was asked to wait for a position is not answered from before it."""
    for call in history.operations:
        if call.op != "read" or call.min_offset is None or call.offset is None:
            continue
        if call.offset < call.min_offset:
            text = f"it was to wait for {call.min_offset}, and was answered as of {call.offset}"
            yield Finding("stale_read", call.where, text)


class Unplaced:
    """A refusal because of the state that names no position.

    It must be right in some state between the highest offset answered before it was sent (`low`)
    and the first record that was sent after its answer (`high`).
    """

    __slots__ = ("call", "high", "low", "why")

    def __init__(self, call: Operation) -> None:
        """Not narrowed yet."""
        self.call = call
        self.low, self.high = -1, 1 << 62
        self.why = "no state was looked at"


def unplaced_refusals(history: History) -> dict[str, deque[Unplaced]]:
    """Those of a history by SKU, in the order of `low`. A dry run promises nothing, so has none."""
    everyone = [
        Unplaced(call)
        for call in history.operations
        if call.outcome == "refused" and call.offset is None and call.sku
        if call.writes and call.code in STATE_CODES
    ]
    if everyone:
        _narrow(everyone, history)
    found: defaultdict[str, deque[Unplaced]] = defaultdict(deque)
    for one in sorted(everyone, key=lambda one: one.low):
        found[one.call.sku].append(one)
    return found


def _narrow(everyone: list[Unplaced], history: History) -> None:
    answers = sorted(_answers(history), key=lambda moment: -moment[0])
    highest: dict[str, int] = {}
    for one in sorted(everyone, key=lambda one: one.call.sent_ns):
        while answers and answers[-1][0] < one.call.sent_ns:
            _, _, sku, offset, _ = answers.pop()
            highest[sku] = max(offset, highest.get(sku, -1))
        one.low = highest.get(one.call.sku, -1)
    fresh = (call for call in history.operations if call.fresh)
    sends = sorted(fresh, key=lambda call: call.sent_ns)
    lowest: dict[str, int] = {}
    for one in sorted(everyone, key=lambda one: -(one.call.answered_ns or 0)):
        while sends and sends[-1].sent_ns > (one.call.answered_ns or 0):
            call = sends.pop()
            lowest[call.sku] = min(call.offset or 0, lowest.get(call.sku, 1 << 62))
        one.high = lowest.get(one.call.sku, 1 << 62)


class Interval:
    """Looks at the states of one partition, one after the other, for the refusals of its SKUs."""

    def __init__(self, waiting: dict[str, deque[Unplaced]]) -> None:
        """`waiting` is shared by all partitions; a SKU is taken by the one that has it."""
        self._waiting = waiting
        self._open: dict[str, list[Unplaced]] = {}
        self.unjudged = 0

    @property
    def left(self) -> list[str]:
        """SKUs that no partition has."""
        return [*self._waiting]

    def before(self, fold: PartitionFold, sku: str, offset: int) -> Iterator[Finding]:
        """The state in front of `offset`, where the next record of the SKU lies."""
        waiting = self._waiting.get(sku)
        opened = self._open.get(sku)
        if not waiting and not opened:
            return
        opened = opened or []
        while waiting and waiting[0].low < offset:
            opened.append(waiting.popleft())
        self._open[sku] = left = []
        for one in opened:
            if self._right(fold, one):
                continue
            if one.high <= offset:
                yield _unjustified(one)
            else:
                left.append(one)

    def finish(self, fold: PartitionFold, skus: list[str]) -> Iterator[Finding]:
        """The state behind the last record."""
        for sku in skus:
            for one in (*self._open.pop(sku, ()), *self._waiting.pop(sku, ())):
                if not self._right(fold, one):
                    yield _unjustified(one)

    def _right(self, fold: PartitionFold, one: Unplaced) -> bool:
        call = one.call
        try:
            why = why_wrong(fold, Refusal(call.sku, call.code or "", call.asked, call.numbers))
        except CannotJudge:
            self.unjudged += 1
            return True
        one.why = why or ""
        return why is None


def _unjustified(one: Unplaced) -> Finding:
    return Finding("unjustified", one.call.where, f"it was refused ({one.call.code}): {one.why}")


def check_never_heard_of(history: History) -> Iterator[Finding]:
    """A movement that was acknowledged before a call that names it was sent is not unknown."""
    answered: dict[str, int] = {}
    for call in history.operations:
        if call.outcome == "accepted" and call.writes and call.answered_ns is not None:
            answered[call.id] = min(call.answered_ns, answered.get(call.id, call.answered_ns))
    for call in history.operations:
        if call.code != "unknown_movement" or call.sku or not call.writes:
            continue
        name = (call.asked or {}).get("reverses", "")
        if answered.get(name, call.sent_ns) < call.sent_ns:
            yield Finding("unjustified", call.where, f"{name} was acknowledged before it was sent")
