"""The way through one partition, record by record, with every check that looks at one place."""

from collections.abc import Iterable, Iterator

from ledger.log import Record
from ops.check_history.accounts import Document
from ops.check_history.checks_answers import check_content, check_refusal, check_told, stated_by
from ops.check_history.checks_ids import check_sums
from ops.check_history.checks_order import Interval
from ops.check_history.checks_place import Tail, read_event, read_record
from ops.check_history.checks_state import Stop
from ops.check_history.fold import REFUSED, SILENT, PartitionFold
from ops.check_history.history import History
from ops.check_history.justify import CannotJudge
from ops.findings import Finding


class Walk:
    """One partition. Only what is known of its ids, stock and stops stays in memory."""

    def __init__(self, fold: PartitionFold, history: History, interval: Interval) -> None:
        """In front of the first record."""
        self.fold = fold
        self.tail = Tail(fold.partition)
        self.unjudged = 0
        self._history = history
        self._interval = interval
        self._stops: list[Stop] = []

    def stop_at(self, stops: Iterable[Stop]) -> None:
        """Compare the state at these offsets, too."""
        self._stops = sorted([*self._stops, *stops], key=lambda stop: -stop.offset)

    def take(self, record: Record) -> Iterator[Finding]:
        """Read one record, void or not."""
        yield from self._pass(record.offset)
        yield from read_record(self.tail, record)
        # The rule itself, and not what the log's client makes of it.
        if record.stated == record.offset:
            for found in read_event(self.tail, record):
                if isinstance(found, Finding):
                    yield found
                else:
                    yield from self._count(record.offset, found)
        told = self._history.told_at.pop((self.fold.partition, record.offset), None)
        if told is not None:
            yield from check_told(self.fold, record.offset, told)

    def _count(self, offset: int, event: Document) -> Iterator[Finding]:
        fold = self.fold
        try:
            kind = event["type"]
            if kind not in SILENT:
                sku, identity = event["subject"], event["id"]
                yield from self._interval.before(fold, sku, offset)
                calls = stated_by(self._history, identity, sku, (fold.partition, offset))
                yield from check_content((fold.partition, offset), event, calls)
                if kind == REFUSED:
                    yield from self._judge(offset, event)
            yield from fold.count(offset, event)
        except (KeyError, TypeError, ValueError) as error:
            text = f"{type(error).__name__}: {error}"
            yield Finding("undecodable", fold.place(offset), text)

    def _judge(self, offset: int, event: Document) -> Iterator[Finding]:
        place = (self.fold.partition, offset)
        calls = stated_by(self._history, event["id"], event["subject"], place)
        try:
            yield from check_refusal(self.fold, offset, event, calls)
        except CannotJudge:
            self.unjudged += 1

    def finish(self) -> Iterator[Finding]:
        """Behind the last record: what speaks of later places, and the sums."""
        fold, end = self.fold, self.tail.next_offset
        yield from self._pass(end)
        for stop in self._stops:
            yield Finding(
                "ahead_of_log", stop.what, f"it is at {stop.offset}, the log ends at {end}"
            )
        yield from self._interval.finish(fold, list(fold.stock))
        yield from check_sums(fold)

    def _pass(self, offset: int) -> Iterator[Finding]:
        while self._stops and self._stops[-1].offset <= offset:
            yield from self._stops.pop().check(self.fold, self.tail.head)
