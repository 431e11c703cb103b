"""`stockledger check-history`: hold what clients were told against the log."""

import asyncio
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from ledger.config import Settings, open_snapshots
from ledger.presence import exists
from ops.check_history.check import KEPT_MAX_DEFAULT, Result, Stored, Terms, check_log
from ops.check_history.history import History, read_history
from ops.check_history.report import Compared, document, lines
from ops.check_history.snapshots import Ignored, read_snapshot
from ops.console import ExitCode, print_document, stderr, stdout
from ops.existing_log import check_log_file, existing_log
from ops.faults import explain
from ops.partition_processes import no_collector
from ops.reading import read_key


class Order(NamedTuple):
    """What to check besides the log."""

    live: str | None
    api_key: str | None
    views: bool
    snapshots: bool
    terms: Terms


def check_history(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    files: Annotated[
        list[Path], typer.Argument(help="NDJSON that clients recorded.", show_default=False)
    ],
    *,
    live: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Ask this server for every SKU.", show_default=False),
    ] = None,
    api_key_file: Annotated[
        Path | None, typer.Option(help="File that holds the API key.", show_default=False)
    ] = None,
    views: Annotated[bool, typer.Option(help="Compare the views.")] = True,
    snapshots: Annotated[bool, typer.Option(help="Compare the snapshots.")] = True,
    others: Annotated[
        bool, typer.Option("--others", help="Clients that recorded nothing wrote as well.")
    ] = False,
    show: Annotated[int, typer.Option(min=0, help="Findings to show of each code.")] = (
        KEPT_MAX_DEFAULT
    ),
    as_json: Annotated[bool, typer.Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Hold what clients were told against the log, the views and the snapshots.

    Exit codes: 0 nothing is wrong; 1 something is; 2 a file is no history; 3 a server does not
    answer.
    """
    check_log_file(settings)
    key = read_key(api_key_file)
    terms = Terms(not others, settings.scale_default, show)
    order = Order(live, key, views, snapshots, terms)
    with no_collector():
        try:
            result, compared = asyncio.run(_check(settings, read_history(files), order))
        except Exception as error:
            raise explain(error, settings) or error from error
    _say(result, compared, as_json=as_json)
    if result.findings.total:
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _say(result: Result, compared: Compared, *, as_json: bool) -> None:
    if as_json:
        print_document(document(result, compared))
        return
    found, summary = lines(result, compared)
    for line in found:
        stderr().print(line, markup=False)
    for line in summary:
        stdout().print(line, markup=False)


async def _check(settings: Settings, history: History, order: Order) -> tuple[Result, Compared]:
    compared = Compared()
    async with existing_log(settings) as log:
        if order.live is not None:
            # Only here a client of HTTP is needed.
            from ops.check_history.live import read_live

            for one in await read_live(history, order.live.rstrip("/"), order.api_key):
                history.add(one)
                compared.live += 1
        stored = Stored()
        # Before the log, so that it cannot be ahead of what is read of the log.
        if order.views and _has_views(settings):
            from ops.check_history.views import read_views

            stored.views = await read_views(settings.views_url)
            compared.views = {rows.partition: rows.position for rows in stored.views}
        if order.snapshots and _has_snapshots(settings):
            await _read_snapshots(settings, log.partitions, stored, compared)
        result = await check_log(log, history, stored, order.terms)
    return result, compared


async def _read_snapshots(
    settings: Settings, partitions: int, stored: Stored, compared: Compared
) -> None:
    store = open_snapshots(settings, read_only=True)
    try:
        await store.open()
        for partition in range(partitions):
            snapshot = await read_snapshot(store, partition)
            if isinstance(snapshot, Ignored):
                compared.ignored.append(f"partition {partition}: {snapshot.why}")
            elif snapshot is not None:
                stored.snapshots.append(snapshot)
    finally:
        await store.close()
    compared.snapshots = len(stored.snapshots)


def _has_views(settings: Settings) -> bool:
    """A database file that is not there is none; one that does not answer is a fault."""
    return settings.database_url is not None or exists(settings.data_dir / "views.db")


def _has_snapshots(settings: Settings) -> bool:
    return settings.kafka_bootstrap is not None or exists(settings.snapshots_path)
