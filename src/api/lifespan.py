"""Where the parts of a process meet: opened in order, closed in the opposite order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from uuid6 import uuid7

from api.demand_refresh import DemandRefresh
from api.dependencies import LifespanState, Services, Submitter
from api.gauges import LedgerCollector, ProjectorCollector, ViewLag
from api.history_refresh import HistoryRefresh
from api.metrics import HttpMetrics
from api.planning import open_planner
from api.process import Process
from api.publishing import start_publishers
from api.readiness import LogWatch, Parts, Readiness, Tasks, projector_reasons
from api.readonly import ReadOnly
from ledger.config import Settings, open_instances, open_log, open_snapshots, rules
from ledger.config.groups import open_projector_group
from ledger.log import EventLog, SnapshotStore
from ledger.ownership.instances import Instances
from ledger.service import Ledger
from projections.database import Database, DatabaseUnavailable
from projections.id_index import ViewIdIndex
from projections.identity import LedgerViews
from projections.migrate import upgrade
from projections.planning.planner import Planner
from projections.positions import Positions
from projections.runner import Projector

_log = structlog.get_logger("api.lifespan")
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[LifespanState]]


def make_lifespan(settings: Settings, metrics: HttpMetrics, process: Process) -> Lifespan:
    """The lifespan of an application with these settings."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[LifespanState]:
        async with AsyncExitStack() as stack:
            yield {"services": await _open(settings, metrics, process, stack)}

    return lifespan


async def _open(
    settings: Settings, metrics: HttpMetrics, process: Process, stack: AsyncExitStack
) -> Services:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = open_log(settings, process=settings.log_process is True)
    stack.push_async_callback(log.close)
    await log.open()
    if settings.migrate:
        await upgrade(settings.views_url)
    database = Database(settings.views_url)
    stack.push_async_callback(database.close)
    await database.open()
    positions = Positions(database)
    views = LedgerViews(log, database)
    readiness = Readiness(views)
    readiness.add(process.reasons)
    tasks = Tasks(stack)
    readiness.add(tasks.ended)
    watch = LogWatch(log)
    readiness.add(watch.wrong)
    tasks.start(watch.run(), "log-watch")
    projector = None
    if "projector" in settings.roles:
        group = open_projector_group(settings, database.address)
        projector = Projector(log, database, positions, group)
        readiness.add(partial(projector_reasons, projector))
        tasks.start(projector.run(), "projector")
    registry = CollectorRegistry(auto_describe=False)
    lag = ViewLag(log, database)
    registry.register(metrics)
    registry.register(lag)
    if projector is not None:
        registry.register(ProjectorCollector(projector, log.partitions))
    if "publisher" in settings.roles:
        parts = Parts(readiness, tasks, registry)
        start_publishers(settings, process.name, (log, database), parts)
    ledger: Submitter = ReadOnly()
    instances = open_instances(settings, process.name)
    if instances is not None or "writer" in settings.roles:
        await _refuse_a_lost_past(log, views)
        index = ViewIdIndex(database)
        snapshots = open_snapshots(settings)
        stack.push_async_callback(snapshots.close)
        await snapshots.open()
        ledger = writers = _ledger(settings, process.name, (log, snapshots, index), instances)
        await _start(writers, stack, tasks)
        index.ledger_id = writers.ledger_id
        registry.register(LedgerCollector(writers))
        readiness.add(writers.ready)
    if instances is not None and "writer" in settings.roles:
        process.writes(instances.hand_over)
        tasks.start(instances.address.run(), "address-watch")
        readiness.add(instances.address.reasons)
    return Services(
        settings=settings,
        instance=process.name,
        log=log,
        ledger=ledger,
        views=views,
        positions=positions,
        registry=registry,
        not_ready=readiness.reasons,
        refresh_gauges=lag.refresh,
        planner=_planner(settings, log, database, Parts(readiness, tasks, registry)),
    )


def _planner(settings: Settings, log: EventLog, database: Database, parts: Parts) -> Planner | None:
    if "planner" not in settings.roles:
        return None
    planner = open_planner(settings, database)
    parts.tasks.start(planner.run(), "planner")
    for kind in (DemandRefresh, HistoryRefresh):
        refresh = kind(log, database, settings.planning_refresh_seconds)
        parts.tasks.start(refresh.run(), refresh.what)
        parts.readiness.add(refresh.reasons)
    return planner


async def _refuse_a_lost_past(log: EventLog, views: LedgerViews) -> None:
    """An empty log under the views of a ledger must not begin a new one, and one that was restored
    from an older copy must not go on: callers were told of more.

    Raises WrongLedger, LogRegressed.
    """
    if await log.end(0) == 0:
        async with views.database.reader() as reader:
            await views.check(reader)
        return
    try:
        await views.check_past()
    except DatabaseUnavailable as error:
        # Who writes does without views where it must.
        _log.warning("past_not_checked", cause=str(error))


def _ledger(
    settings: Settings,
    name: str,
    stores: tuple[EventLog, SnapshotStore, ViewIdIndex],
    instances: Instances | None,
) -> Ledger:
    return Ledger(
        *stores,
        instance=name,
        new_ledger_id=lambda: str(uuid7()),
        url=settings.public_url,
        rules=rules(settings),
        currency=settings.currency,
        queue_commands_max=settings.queue_items_max,
        window_ids=settings.id_window,
        snapshot_every_records=settings.snapshot_every_records,
        instances=instances,
    )


async def _start(ledger: Ledger, stack: AsyncExitStack, tasks: Tasks) -> None:
    # Closed before everything that the writers need, and after the server took its last request.
    stack.push_async_callback(ledger.close)
    starting = asyncio.create_task(ledger.start(), name="ledger-start")
    stack.push_async_callback(tasks.cancel, starting)
    # Long recoveries go on in the background, so that /readyz can tell; what is wrong with the
    # log's first records shows at once and ends the start.
    opened = asyncio.create_task(ledger.opened.wait())
    await asyncio.wait((starting, opened), return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    if starting.done():
        await starting
    tasks.watch(starting, may_return=True)
