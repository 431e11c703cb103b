"""`stockledger rebuild`: make the views anew from the log, beside the live ones."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from ledger.config import Settings
from ops.console import CommandError, ExitCode, print_document, stdout
from ops.data_dir import prepare_data_dir
from ops.existing_log import existing_log
from ops.faults import explain
from ops.partition_processes import JOBS_MAX
from ops.views import existing_views, opened_views

if TYPE_CHECKING:
    from ledger.log import EventLog
    from projections.database import Database
    from projections.rebuilding.sites import Side

_Answer = TypeVar("_Answer")
_Option = typer.Option


def rebuild(  # noqa: PLR0913 - each is a flag
    settings: Settings,
    *,
    status: Annotated[bool, _Option("--status", help="Show where the views are.")] = False,
    roll_back: Annotated[
        bool, _Option("--roll-back", help="Make the views of before live again.")
    ] = False,
    drop_old: Annotated[
        bool, _Option("--drop-old", help="Drop the views that are kept for --roll-back.")
    ] = False,
    abandon: Annotated[
        bool, _Option("--abandon", help="Drop what an ended rebuild has built so far.")
    ] = False,
    compare: Annotated[bool, _Option(help="Compare with the live views.")] = True,
    swap: Annotated[bool, _Option(help="Exchange the live views for the built ones.")] = True,
    afresh: Annotated[
        bool, _Option("--afresh", help="Do not go on with an earlier rebuild.")
    ] = False,
    restored: Annotated[
        bool,
        _Option(
            "--restored", help="The log was restored or replaced: the live views are of another."
        ),
    ] = False,
    jobs: Annotated[
        int | None,
        _Option(
            "--jobs", min=1, max=JOBS_MAX, help="Processes; by default the processors, if it pays."
        ),
    ] = None,
    show: Annotated[int, _Option(min=0, help="Rows to show of a table and kind.")] = 20,
    as_json: Annotated[bool, _Option("--json", help="One document on stdout.")] = False,
) -> None:
    """Make the views anew from the log, compare them with the live ones, and exchange them.

    Reads and writes go on meanwhile. Killed at any point, it goes on when it is called again. The
    views of before are kept until --drop-old or the next rebuild.

    Exit codes: 0 nothing differed; 1 something did (and is exchanged all the same), a record
    cannot be read, or another rebuild runs; 2 used wrongly; 3 log or database do not answer.
    """
    from ops import rebuild_report

    which = [status, roll_back, drop_old, abandon]
    if sum(which) > 1:
        raise CommandError("--status, --roll-back, --drop-old and --abandon go one at a time")
    alone = restored and not roll_back
    if any(which) and (afresh or alone or jobs or not compare or not swap):
        raise CommandError("the flags of a rebuild do not go with those that do something else")
    if status:
        document = _status(settings)
        show_document: Callable[..., None] = rebuild_report.show_status
    elif roll_back:
        document, show_document = _roll_back(settings, restored), rebuild_report.show_rolled_back
    elif drop_old or abandon:
        document = _drop(settings, "before" if drop_old else "rebuild")
        show_document = rebuild_report.show_dropped
    else:
        document = _rebuild(settings, jobs, (compare, swap, afresh, restored, show))
        show_document = rebuild_report.show_rebuilt
    if as_json:
        print_document(document)
    else:
        show_document(stdout(), document)
    if document.get("equal") is False or any(one["stopped"] for one in document.get("views", ())):
        raise typer.Exit(ExitCode.FOUND_WRONG)


def _rebuild(
    settings: Settings, jobs: int | None, flags: tuple[bool, bool, bool, bool, int]
) -> dict[str, Any]:
    async def work(log: "EventLog", database: "Database") -> dict[str, Any]:
        from ops.rebuild_processes import early_processes, run_ahead
        from ops.rebuild_report import Telling, document_of
        from projections.rebuilding.rebuild import Order, rebuild

        ends = {one: await log.end(one) for one in range(log.partitions)}
        order, telling = Order(_version(), *flags), Telling(sum(ends.values()))
        with early_processes(database, jobs, ends) as processes:
            ahead = partial(run_ahead, settings, jobs, early=processes)
            return document_of(await rebuild(log, database, order, telling, ahead))

    return _with_both(settings, work, make=True)


def _roll_back(settings: Settings, restored: bool) -> dict[str, Any]:
    async def work(log: "EventLog", database: "Database") -> dict[str, Any]:
        from ops.rebuild_report import Telling
        from projections.rebuilding.rebuild import roll_back

        ends = [await log.end(one) for one in range(log.partitions)]
        telling = Telling(sum(ends))
        kept = await roll_back(log, database, _version(), telling, restored=restored)
        return {"rolled_back": True, "exchange": kept.build_id}

    return _with_both(settings, work)


def _drop(settings: Settings, side: "Side") -> dict[str, Any]:
    async def work(_log: "EventLog", database: "Database") -> dict[str, Any]:
        from projections.rebuilding.rebuild import drop

        return {"dropped": await drop(database, side)}

    return _with_both(settings, work)


def _status(settings: Settings) -> dict[str, Any]:
    async def work(log: "EventLog", database: "Database") -> dict[str, Any]:
        from projections.rebuilding.status import read_status

        return await read_status(log, database)

    return _with_both(settings, work)


def _with_both(
    settings: Settings,
    work: "Callable[[EventLog, Database], Awaitable[_Answer]]",
    *,
    make: bool = False,
) -> _Answer:
    """Do something with log and views, and say in a sentence why that cannot be.

    Views that are not there are only made where they are to be built.
    """

    async def opened() -> _Answer:
        # The log first: where there is none, nothing is to be made.
        async with existing_log(settings) as log:
            if make:
                prepare_data_dir(settings)
            views = opened_views if make else existing_views
            async with views(settings) as database:
                return await work(log, database)

    try:
        return asyncio.run(opened())
    except Exception as error:
        raise explain(error, settings) or error from error


def _version() -> str:
    from api.planning import code_version

    return code_version()
