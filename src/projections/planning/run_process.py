"""A run in a process of its own, so that no request waits while it computes.

`python -m projections.planning.run_process` reads one JSON document from its standard input, and
ends when that is closed: a server that dies takes its run with it. Exit codes: 0 the run is done;
1 it failed, for the reason that is stored with it.
"""

import asyncio
import logging
import os
import sys
from typing import Final, NoReturn

import msgspec

from projections.database import Database
from projections.planning.run_execute import Execution
from projections.planning.run_orders import Order, now_ms
from projections.planning.run_results import RESULT_TABLES
from projections.planning.run_retention import discard, discard_events
from projections.planning.run_writer import PlanningWriter

ROWS_DELETED_AT_ONCE: Final = 5_000
DAY_MS: Final = 86_400_000
# Twice what policies of as many SKUs as a request may name take, with the longest names.
ORDER_BYTES_MAX: Final = 16 * 1024 * 1024

_logger = logging.getLogger(__name__)


async def make_run(order: Order) -> None:
    """Make the run that is begun, then delete what is not kept of earlier ones."""
    database, writer = Database(order.database_url), PlanningWriter(order.database_url)
    await database.open()
    try:
        await Execution(database, writer, order.lease, now_ms).run(order.parameters)
        await discard(
            writer,
            order.lease.ledger_id,
            RESULT_TABLES,
            kept=order.kept.runs,
            rows_max=ROWS_DELETED_AT_ONCE,
        )
        before_ms = now_ms() - order.kept.events_days * DAY_MS
        await discard_events(writer, before_ms=before_ms, rows_max=ROWS_DELETED_AT_ONCE)
    finally:
        await database.close()
        await writer.close()


async def _main() -> int:
    loop = asyncio.get_running_loop()
    incoming = asyncio.StreamReader(limit=ORDER_BYTES_MAX)
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(incoming), sys.stdin
    )
    order = msgspec.json.decode(await incoming.readline(), type=Order)
    making = asyncio.create_task(make_run(order))
    alone = asyncio.create_task(incoming.read())
    try:
        await asyncio.wait((making, alone), return_when=asyncio.FIRST_COMPLETED)
        if not making.done():
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
            _end_at_once(_code(making))
        return _code(making)
    finally:
        alone.cancel()
        transport.close()


def _end_at_once(code: int) -> NoReturn:
    """End without the thread that computes: nothing ends it, and whoever stops a server waits."""
    logging.shutdown()
    os._exit(code)


def _code(making: "asyncio.Task[None]") -> int:
    if making.cancelled():
        return 1
    error = making.exception()
    if error is not None:
        _logger.error("the planning run failed", exc_info=error)
    return 0 if error is None else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
