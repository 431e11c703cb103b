"""Sending alerts, and what planning runs changed, to a topic: at least once, ids being the same.

What is sent lies in the views' database first, where everybody sees it. Alerts are marked when they
are sent. The events of planning runs are numbered without gaps, and the number of the last one sent
is kept as a position.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import RowMapping, Select, select

from ledger.errors import WrongLedger
from ledger.events.partitioner import Partitioner
from ledger.log import EventSink
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, ReadConnection
from projections.planning.run_tables import PLANNING_GROUP, PLANNING_PARTITION, planning_events
from projections.publishers.alert_store import AlertStore, Moved, Range
from projections.publishers.alert_tables import UNPUBLISHED, alerts
from projections.tables import view_positions

EVENTS_AT_A_TIME = 500

_a = alerts.c
_e = planning_events.c
_p = view_positions.c

Share = Callable[[], frozenset[int]]
OpenSink = Callable[[], Awaitable[EventSink]]


class AlertRelay:
    """Sends those of its share of partitions. Any number may run. `sent` counts."""

    def __init__(
        self, database: Database, open_sink: OpenSink, partitions: int, share: Share
    ) -> None:
        """`database` is open; `open_sink` gives a topic that is open, of so many partitions."""
        self.name = "alerts for the topic"
        self.failure: str | None = None
        self.trouble: str | None = None
        self.sent = 0
        self._database = database
        self._open_sink = open_sink
        self._share = share
        self._partition_of = Partitioner(partitions).partition_of
        self._sink: EventSink | None = None
        self._store = AlertStore(database)

    async def close(self) -> None:
        """Let go of database and topic."""
        sink, self._sink = self._sink, None
        if sink is not None:
            await sink.close()
        await self._store.close()

    async def look(self) -> bool:
        """Send what is not sent yet; whether there is more.

        The topic is there from the first look on, for those who wait for its first event. Raises
        DatabaseUnavailable, LogUnavailable, LogMisconfigured, WrongLedger.
        """
        if self._sink is None:
            self._sink = await self._open_sink()
        share = self._share()
        more = await self._send_alerts(self._sink, share)
        if PLANNING_PARTITION in share:
            more = await self._send_planning(self._sink) or more
        return more

    async def _send_alerts(self, sink: EventSink, share: frozenset[int]) -> bool:
        async with self._database.reader() as reader:
            rows = await reader.all(unpublished(share))
        if rows:
            await self._send(sink, rows)
            await self._store.published([row["alert_id"] for row in rows])
        return len(rows) == EVENTS_AT_A_TIME

    async def _send_planning(self, sink: EventSink) -> bool:
        async with self._database.reader() as reader:
            place = await _planning_place(reader)
            if place is None:
                return False
            rows = await reader.all(
                select(_e.sequence, _e.sku, _e.site, _e.document)
                .where(_e.sequence > place.start)
                .order_by(_e.sequence)
                .limit(EVENTS_AT_A_TIME)
            )
        if rows:
            await self._send(sink, rows)
            try:
                reached = place._replace(end=rows[-1]["sequence"])
                await self._store.advance(PLANNING_GROUP, reached)
            except Moved:
                return True  # somebody else sent them too
        return len(rows) == EVENTS_AT_A_TIME

    async def _send(self, sink: EventSink, rows: Sequence[RowMapping]) -> None:
        await sink.send(
            [
                (
                    self._partition_of(row["sku"]),
                    msgspec.json.encode((row["sku"], row["site"])),
                    row["document"].encode(),
                )
                for row in rows
            ]
        )
        self.sent += len(rows)


def unpublished(share: frozenset[int]) -> Select[Any]:
    """The first alerts of these partitions that were not sent yet."""
    query = select(_a.alert_id, _a.partition, _a.sku, _a.site, _a.document).where(
        UNPUBLISHED, _a.partition.in_(sorted(share))
    )
    return query.order_by(_a.raised_ms, _a.log_offset, _a.alert_id).limit(EVENTS_AT_A_TIME)


async def _planning_place(reader: ReadConnection) -> Range | None:
    """The ledger of the views, and the number of the last event sent. Raises WrongLedger."""
    rows = await reader.all(
        select(_p.view_group, _p.ledger_id, _p.position).where(
            _p.view_group.in_((VIEW_GROUP, PLANNING_GROUP)), _p.partition == PLANNING_PARTITION
        )
    )
    found = {row["view_group"]: row for row in rows}
    if VIEW_GROUP not in found:
        return None
    ledger_id = found[VIEW_GROUP]["ledger_id"]
    sent = found.get(PLANNING_GROUP)
    if sent is not None and sent["ledger_id"] != ledger_id:
        # That they are sent could not be noted, so that they would be sent again for ever.
        of_events = sent["ledger_id"]
        raise WrongLedger(
            f"events of planning runs are of ledger {of_events}, views of {ledger_id}"
        )
    return Range(ledger_id, PLANNING_PARTITION, sent["position"] if sent else 0, 0)
