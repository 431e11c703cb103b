"""Alerts of what fell below its reorder point, and of its end.

They are no matter of one movement: a planning run may raise a reorder point above what is there. So
the two are held against each other again and again. A fall that is over before the next look is not
told.

A run knows what the views know, and the levels of sites are kept behind them. So a partition is
looked at only once its levels are as far as the views were when the run was first seen, and at the
look before. A SKU that has no levels then has nothing.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping, Select, and_, func, select, tuple_, union_all

from ledger.domain import codes, quantities
from ledger.events.partitioner import Partitioner
from projections.checkpoints import VIEW_GROUP
from projections.database import Database, ReadConnection
from projections.planning.run_fields import planning_results
from projections.planning.run_tables import planning_runs
from projections.publishers.alert_documents import (
    ABOVE_REORDER_POINT,
    BELOW_REORDER_POINT,
    AboveReorderPointData,
    BelowReorderPointData,
)
from projections.publishers.alert_rules import Alert
from projections.publishers.alert_store import AlertStore, Range, ranges
from projections.publishers.alert_tables import ACTIVE, alerts, site_levels
from projections.publishers.level_documents import document, position_text
from projections.tables import view_positions

# Between two looks; each costs a query over the results of the newest run.
REORDER_LOOK_SECONDS = 10.0
ALERTS_AT_A_TIME = 500
# Read at once while some partitions wait: most rows may be theirs, and each read looks at all.
ROWS_AT_A_TIME = 5_000
# Whoever has this partition looks for all: SKUs of one site lie in many partitions.
LOOKING_PARTITION = 0

_a = alerts.c
_l = site_levels.c
_r = planning_results.c
_runs = planning_runs.c

Share = Callable[[], frozenset[int] | None]


class ReorderAlerts:
    """Raises and ends these alerts. Any number may run: an alert that holds is not raised again.

    `raised` counts alerts and ends.
    """

    def __init__(self, database: Database, partitions: int, share: Share | None = None) -> None:
        """`database` is open; the log has so many partitions."""
        self.name = "alerts of reorder points"
        self.failure: str | None = None
        self.trouble: str | None = None
        self.raised = 0
        self._database = database
        self._share = share or (lambda: None)
        self._partitioner = Partitioner(partitions)
        self._store = AlertStore(database)
        self._next_look = 0.0
        self._run_id: str | None = None
        # How far the levels of a partition have to be, lest old ones are held against the run.
        self._goals: dict[int, int] = {}

    async def close(self) -> None:
        """Let go of the database."""
        self._goals.clear()
        await self._store.close()

    async def look(self) -> bool:
        """Hold stock against the newest run, if it is time; whether there is more.

        Raises DatabaseUnavailable, WrongLedger.
        """
        share = self._share()
        if share is not None and LOOKING_PARTITION not in share:
            self._goals.clear()  # by the time it is back they are old
            return False
        if time.monotonic() < self._next_look:
            return False
        more = await self.hold()
        if not more:
            self._next_look = time.monotonic() + REORDER_LOOK_SECONDS
        return more

    async def hold(self) -> bool:
        """Raise and end alerts, so many at a time; whether there is more."""
        async with self._database.reader() as reader:
            run = await _newest_run(reader)
            if run is None:
                return False
            places = {one.partition: one for one in await ranges(reader)}
            waiting = self._waiting(run["run_id"], places.values())
            below = _below(run["run_id"])
            fallen = await self._first(reader, _not_told(below), waiting)
            risen = await self._first(reader, _not_any_more(below), waiting)
        found = [self._fallen(run, row, places) for row in fallen]
        found += [self._risen(run, row) for row in risen]
        partition_of = self._partitioner.partition_of
        await self._store.raise_alerts((partition_of(alert.sku), alert) for alert in found)
        self.raised += len(found)
        more = max(len(fallen), len(risen)) == ALERTS_AT_A_TIME
        if not more:
            self._goals |= {one: places[one].end for one in places.keys() - waiting}
        return more

    def _waiting(self, run_id: str, places: Iterable[Range]) -> frozenset[int]:
        """Partitions whose levels are too old to be held against this run."""
        if run_id != self._run_id:
            self._run_id, self._goals = run_id, {}
        goals = self._goals
        # Also where views were exchanged, and have to read again what the run knew.
        return frozenset(
            one.partition for one in places if one.start < goals.setdefault(one.partition, one.end)
        )

    async def _first(
        self, reader: ReadConnection, query: Select[Any], waiting: Collection[int]
    ) -> list[RowMapping]:
        """The first rows of a query that lie in no partition that waits."""
        limit = ROWS_AT_A_TIME if waiting else ALERTS_AT_A_TIME
        key = query.selected_columns.sku, query.selected_columns.site
        page = query.order_by(*key).limit(limit)
        found: list[RowMapping] = []
        while True:
            rows = await reader.all(page)
            partitions = self._partitioner.partitions_of([row["sku"] for row in rows])
            lying = zip(rows, partitions, strict=True)
            found += [row for row, partition in lying if partition not in waiting]
            if len(rows) < limit or len(found) >= ALERTS_AT_A_TIME:
                return found[:ALERTS_AT_A_TIME]
            last = rows[-1]["sku"], rows[-1]["site"]
            page = query.where(tuple_(*key) > tuple_(*last)).order_by(*key).limit(limit)

    def _fallen(self, run: RowMapping, row: RowMapping, places: Mapping[int, Range]) -> Alert:
        sku, site, scale, run_id = row["sku"], row["site"], row["scale"], run["run_id"]
        partition = self._partitioner.partition_of(sku)
        known = places[partition].start if partition in places else 0
        position = position_text(partition, max(0, known - 1))
        data = BelowReorderPointData(
            sku,
            site,
            quantities.text(int(row["available"]), scale),
            quantities.text(row["reorder_point"], scale),
            scale,
            run_id,
            position,
        )
        identity = f"{position}/below_reorder_point/{run_id}/{sku}/{site}"
        return _alert(run["ledger_id"], BELOW_REORDER_POINT, identity, data)

    def _risen(self, run: RowMapping, row: RowMapping) -> Alert:
        ends = row["alert_id"]
        data = AboveReorderPointData(row["sku"], row["site"], ends)
        return _alert(run["ledger_id"], ABOVE_REORDER_POINT, f"{ends}/ended", data)


def _alert(ledger_id: str, kind: str, identity: str, data: Any) -> Alert:
    now_ms = time.time_ns() // 1_000_000
    names = (identity, data.sku, codes.instant_text(now_ms * 1000))
    text = document(ledger_id, kind, names, data).decode()
    ends = getattr(data, "ends", None)
    return Alert(identity, kind, data.sku, data.site, None, now_ms, text, ends)


async def _newest_run(reader: ReadConnection) -> RowMapping | None:
    """The newest run whose reorder points hold, of the ledger of the views."""
    ledger = select(view_positions.c.ledger_id).where(view_positions.c.view_group == VIEW_GROUP)
    query = select(_runs.run_id, _runs.ledger_id).where(
        _runs.state == "done",
        _runs.publishes,
        _runs.results_kept,
        _runs.ledger_id.in_(ledger),
    )
    return await reader.first(query.order_by(_runs.run_id.desc()).limit(1))


def _below(run_id: str) -> Select[Any]:
    """Series whose stock that may be promised is below the reorder point: at their site, or, where
    the site is the empty text, at all sites together."""
    held = func.coalesce(_l.available, 0)
    at_site = select(
        _r.sku, _r.site, _r.scale, _r.reorder_point, held.label("available")
    ).select_from(
        planning_results.outerjoin(site_levels, and_(_l.sku == _r.sku, _l.site == _r.site))
    )
    whole = select(_l.sku, func.sum(_l.available).label("available")).group_by(_l.sku).subquery()
    held_everywhere = func.coalesce(whole.c.available, 0)
    everywhere = select(
        _r.sku, _r.site, _r.scale, _r.reorder_point, held_everywhere.label("available")
    ).select_from(planning_results.outerjoin(whole, whole.c.sku == _r.sku))
    of_run = (_r.run_id == run_id, _r.reorder_point.is_not(None))
    both = union_all(
        at_site.where(*of_run, _r.site != "", held < _r.reorder_point),
        everywhere.where(*of_run, _r.site == "", held_everywhere < _r.reorder_point),
    )
    return select(both.subquery())


def holding() -> Select[Any]:
    """Those of these alerts whose state still holds."""
    return select(_a.alert_id, _a.sku, _a.site).where(ACTIVE, _a.type == BELOW_REORDER_POINT)


def _not_told(below: Select[Any]) -> Select[Any]:
    fallen, told = below.subquery(), holding().subquery()
    same = and_(told.c.sku == fallen.c.sku, told.c.site == fallen.c.site)
    return select(fallen).select_from(fallen.outerjoin(told, same)).where(told.c.sku.is_(None))


def _not_any_more(below: Select[Any]) -> Select[Any]:
    fallen, told = below.subquery(), holding().subquery()
    same = and_(told.c.sku == fallen.c.sku, told.c.site == fallen.c.site)
    return select(told).select_from(told.outerjoin(fallen, same)).where(fallen.c.sku.is_(None))
