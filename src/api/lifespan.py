"""Where the parts of a process meet: opened in order, closed in the opposite order."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from uuid6 import uuid7

from api.dependencies import LifespanState, Services, Submitter
from api.gauges import LedgerCollector, ViewLag
from api.metrics import HttpMetrics
from api.readiness import LogWatch, Readiness, Tasks, projector_reasons
from api.readonly import ReadOnly
from ledger.config import Settings, open_log, open_snapshots, rules
from ledger.log import EventLog
from ledger.service import Ledger
from projections.database import Database
from projections.id_index import ViewIdIndex
from projections.identity import LedgerViews
from projections.migrate import upgrade
from projections.positions import Positions
from projections.runner import Projector

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[LifespanState]]


def make_lifespan(settings: Settings, metrics: HttpMetrics) -> Lifespan:
    """The lifespan of an application with these settings."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[LifespanState]:
        async with AsyncExitStack() as stack:
            yield {"services": await _open(settings, metrics, stack)}

    return lifespan


async def _open(settings: Settings, metrics: HttpMetrics, stack: AsyncExitStack) -> Services:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = open_log(settings)
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
    tasks = Tasks(stack)
    readiness.add(tasks.ended)
    watch = LogWatch(log)
    readiness.add(watch.wrong)
    tasks.start(watch.run(), "log-watch")
    if "projector" in settings.roles:
        projector = Projector(log, database, positions)
        readiness.add(partial(projector_reasons, projector))
        tasks.start(projector.run(), "projector")
    registry = CollectorRegistry(auto_describe=False)
    lag = ViewLag(log, database)
    registry.register(metrics)
    registry.register(lag)
    ledger: Submitter = ReadOnly()
    if "writer" in settings.roles:
        ledger = writers = await _start_ledger(settings, log, database, stack, tasks)
        registry.register(LedgerCollector(writers))
        readiness.add(writers.ready)
    return Services(
        settings=settings,
        log=log,
        ledger=ledger,
        views=views,
        positions=positions,
        registry=registry,
        not_ready=readiness.reasons,
        refresh_gauges=lag.refresh,
    )


async def _start_ledger(
    settings: Settings, log: EventLog, database: Database, stack: AsyncExitStack, tasks: Tasks
) -> Ledger:
    snapshots = open_snapshots(settings)
    stack.push_async_callback(snapshots.close)
    await snapshots.open()
    index = ViewIdIndex(database)
    ledger = Ledger(
        log,
        snapshots,
        index,
        instance=settings.instance_id,
        new_ledger_id=lambda: str(uuid7()),
        url=settings.public_url,
        rules=rules(settings),
        currency=settings.currency,
        queue_commands_max=settings.queue_items_max,
        window_ids=settings.id_window,
        snapshot_every_records=settings.snapshot_every_records,
    )
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
    index.ledger_id = ledger.ledger_id
    return ledger
